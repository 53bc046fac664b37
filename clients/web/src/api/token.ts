/** An access token, which lives in memory only. */
export interface Access {
  readonly token: string;
  readonly personId: string;
  readonly sessionId: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Encrypts what this browser keeps; the same for the life of the session. */
  readonly cacheKey: Uint8Array;
}

/** Read what an access token says of itself; the gateway verifies it. */
export function accessOf(token: string, expiresAt: number, cacheKey: Uint8Array): Access {
  const [, payload = ''] = token.split('.');
  const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as {
    sub: string;
    sid: string;
  };
  return { token, personId: claims.sub, sessionId: claims.sid, expiresAt, cacheKey };
}

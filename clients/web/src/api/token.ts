/** An access token, which is kept in memory only. */
export interface Access {
  readonly token: string;
  readonly personId: string;
  readonly sessionId: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Key of the data stored in this browser; the same for the lifetime of the session. */
  readonly cacheKey: Uint8Array;
}

/** Read the claims of an access token without verification; the gateway verifies it. */
export function accessOf(token: string, expiresAt: number, cacheKey: Uint8Array): Access {
  const [, payload = ''] = token.split('.');
  const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as {
    sub: string;
    sid: string;
  };
  return { token, personId: claims.sub, sessionId: claims.sid, expiresAt, cacheKey };
}

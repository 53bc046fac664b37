import type { Interceptor, Transport } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';

const CALL_MS = 15_000;

/** Return the transport for calls of a signed-in person. */
export function callTransport(token: () => Promise<string>): Transport {
  const auth: Interceptor = (next) => async (request) => {
    request.header.set('authorization', `Bearer ${await token()}`);
    return next(request);
  };
  return createConnectTransport({
    baseUrl: location.origin,
    useBinaryFormat: true,
    interceptors: [auth],
    defaultTimeoutMs: CALL_MS,
  });
}

/** Return the transport for streams, which has no deadline. */
export function streamTransport(): Transport {
  return createConnectTransport({ baseUrl: location.origin, useBinaryFormat: true });
}

/**
 * Return the transport for opening, refreshing and ending sessions.
 *
 * The gateway stores the refresh token in a cookie that only these paths receive.
 */
export function sessionTransport(): Transport {
  return createConnectTransport({
    baseUrl: `${location.origin}/session`,
    useBinaryFormat: true,
    defaultTimeoutMs: CALL_MS,
  });
}

import { Code, ConnectError } from '@connectrpc/connect';

import { ErrorInfoSchema, RetryInfoSchema } from '@/gen/google/rpc/error_details_pb';

/** The reason of a failed call, in terms of the client's reaction. */
export interface Problem {
  /** `network`: no response; `busy`: try again later; `refused`: a retry is useless. */
  readonly kind: 'network' | 'busy' | 'unauthenticated' | 'refused';
  /** UPPER_SNAKE as in the contract; empty for a network failure. */
  readonly reason: string;
  /** Milliseconds to wait before a retry; 0 if the server named none. */
  readonly retryAfterMs: number;
}

const BUSY = new Set([
  Code.Unavailable,
  Code.ResourceExhausted,
  Code.DeadlineExceeded,
  Code.Aborted,
]);

export function problemOf(error: unknown): Problem {
  const connect = ConnectError.from(error);
  const info = connect.findDetails(ErrorInfoSchema)[0];
  const delay = connect.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return {
    kind: kindOf(connect.code, info?.reason),
    reason: info?.reason ?? '',
    retryAfterMs: delay === undefined ? 0 : Number(delay.seconds) * 1000 + delay.nanos / 1e6,
  };
}

function kindOf(code: Code, reason: string | undefined): Problem['kind'] {
  // A lost network is Unknown without details, a proxy's 502 is Unavailable without details.
  if (reason === undefined && (code === Code.Unknown || code === Code.Unavailable))
    return 'network';
  if (code === Code.Canceled || code === Code.DeadlineExceeded) return 'network';
  if (code === Code.Unauthenticated) return 'unauthenticated';
  return BUSY.has(code) ? 'busy' : 'refused';
}

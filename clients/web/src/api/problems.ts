import { Code, ConnectError } from '@connectrpc/connect';

import { ErrorInfoSchema, RetryInfoSchema } from '@/gen/google/rpc/error_details_pb';

/** Why a call failed, in the terms that the client acts on. */
export interface Problem {
  /** `network`: no answer came; `busy`: try again later; `refused`: the answer will stay no. */
  readonly kind: 'network' | 'busy' | 'unauthenticated' | 'refused';
  /** UPPER_SNAKE as in the contract; empty where the network failed. */
  readonly reason: string;
  /** Milliseconds to wait before another attempt; 0 when the server named none. */
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
  // A lost network is Unknown without details, a proxy's 502 Unavailable without details.
  if (reason === undefined && (code === Code.Unknown || code === Code.Unavailable))
    return 'network';
  if (code === Code.Canceled || code === Code.DeadlineExceeded) return 'network';
  if (code === Code.Unauthenticated) return 'unauthenticated';
  return BUSY.has(code) ? 'busy' : 'refused';
}

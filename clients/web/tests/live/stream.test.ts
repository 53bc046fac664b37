import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  FrameSchema,
  SubscribeResponseSchema,
  type Frame,
  type SessionService,
  type SubscribeResponse,
} from '@/gen/plexus/gateway/v1/session_service_pb';
import { SignedOut, type AccessKeeper } from '@/live/access';
import { LiveStream } from '@/live/stream';

const HEARTBEAT_S = 20;

type Said = NonNullable<MessageInitShape<typeof FrameSchema>['frame']>;

/** One stream as the gateway serves it: sends the test's frames until it is aborted. */
class Served {
  readonly #waiting: ((result: IteratorResult<SubscribeResponse>) => void)[] = [];
  #fail: (reason: unknown) => void = () => undefined;

  constructor(readonly signal: AbortSignal) {}

  async *frames(): AsyncGenerator<SubscribeResponse> {
    while (true) {
      const next = await new Promise<IteratorResult<SubscribeResponse>>((resolve, reject) => {
        this.#waiting.push(resolve);
        this.#fail = reject;
        this.signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      });
      yield next.value as SubscribeResponse;
    }
  }

  async say(frame: Said): Promise<void> {
    await vi.advanceTimersByTimeAsync(0);
    const value = create(SubscribeResponseSchema, { frames: [{ frame }] });
    this.#waiting.shift()?.({ done: false, value });
    await vi.advanceTimersByTimeAsync(0);
  }

  async welcome(expiresInMs = 900_000): Promise<void> {
    await this.say({
      case: 'welcome',
      value: {
        heartbeatSeconds: HEARTBEAT_S,
        tokenExpiresAtMs: BigInt(Date.now() + expiresInMs),
        positions: [],
      },
    });
  }

  async heartbeat(): Promise<void> {
    await this.say({ case: 'heartbeat', value: { positions: [] } });
  }

  async end(reason: unknown): Promise<void> {
    this.#fail(reason);
    await vi.advanceTimersByTimeAsync(0);
  }
}

function started(token: () => Promise<string> = () => Promise.resolve('token')) {
  const served: Served[] = [];
  const heard: Frame[] = [];
  const online: boolean[] = [];
  const signedOut = vi.fn();
  const service = {
    subscribe: (_request: unknown, options: { signal: AbortSignal }) => {
      served.push(new Served(options.signal));
      return served.at(-1)!.frames();
    },
  } as unknown as Client<typeof SessionService>;
  const renew = vi.fn(() => token());
  const access = { token, renew } as unknown as AccessKeeper;
  const stream = new LiveStream(service, access, {
    frames: (frames) => heard.push(...frames),
    online: (is) => online.push(is),
    signedOut,
  });
  stream.start();
  return { stream, served, heard, online, signedOut, renew };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('addEventListener', () => undefined);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the live stream', () => {
  it('delivers frames in order', async () => {
    const { stream, served, heard, online } = started();
    await vi.advanceTimersByTimeAsync(0);
    await served[0]!.welcome();
    await served[0]!.heartbeat();
    expect(heard.map(({ frame }) => frame.case)).toEqual(['welcome', 'heartbeat']);
    expect(online.at(-1)).toBe(true);
    stream.stop();
    expect(served[0]!.signal.aborted).toBe(true);
  });

  it('opens another one when two and a half heartbeats are missing', async () => {
    const { stream, served, online } = started();
    await vi.advanceTimersByTimeAsync(0);
    await served[0]!.welcome();
    await vi.advanceTimersByTimeAsync(2.4 * HEARTBEAT_S * 1000);
    expect(served[0]!.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(0.2 * HEARTBEAT_S * 1000);
    expect(served[0]!.signal.aborted).toBe(true);
    expect(online.at(-1)).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(served).toHaveLength(2);
    stream.stop();
  });

  it('opens the next one before it closes the one that drains', async () => {
    const { stream, served } = started();
    await vi.advanceTimersByTimeAsync(0);
    await served[0]!.welcome();
    await served[0]!.say({ case: 'drain', value: { withinMs: 5000n } });
    expect(served).toHaveLength(2);
    expect(served[0]!.signal.aborted).toBe(false);
    await served[1]!.welcome();
    expect(served[0]!.signal.aborted).toBe(true);
    expect(served[1]!.signal.aborted).toBe(false);
    stream.stop();
  });

  it('opens the next one before its token ends', async () => {
    const { stream, served } = started();
    await vi.advanceTimersByTimeAsync(0);
    await served[0]!.welcome(60_000);
    await vi.advanceTimersByTimeAsync(14_000);
    await served[0]!.heartbeat();
    expect(served).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    await served[0]!.heartbeat();
    expect(served).toHaveLength(2);
    stream.stop();
  });

  it('closes the old one too when the next one cannot be opened', async () => {
    const { stream, served } = started();
    await vi.advanceTimersByTimeAsync(0);
    await served[0]!.welcome();
    await served[0]!.say({ case: 'drain', value: { withinMs: 5000n } });
    await served[1]!.end(new Error('draining'));
    expect(served[0]!.signal.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(served).toHaveLength(3);
    stream.stop();
  });

  it('ends when the session has ended', async () => {
    const { served, signedOut } = started(() => Promise.reject(new SignedOut()));
    await vi.advanceTimersByTimeAsync(0);
    expect(signedOut).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(served).toHaveLength(0);
  });
});

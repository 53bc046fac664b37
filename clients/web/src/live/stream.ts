import type { Client } from '@connectrpc/connect';

import { problemOf } from '@/api/problems';
import type { Frame, SessionService } from '@/gen/plexus/gateway/v1/session_service_pb';
import { backoff, sleep } from '@/kit/time';

import type { AccessKeeper } from './access';
import { SignedOut } from './access';

const SILENT_BEATS = 2.5;
const OPEN_MS = 10_000;
const BEFORE_EXPIRY_MS = 45_000;

export interface StreamEvents {
  frames(frames: readonly Frame[]): void;
  online(online: boolean): void;
  signedOut(): void;
}

/**
 * The live connection of this browser, which reconnects for as long as it runs.
 *
 * When its token expires or its gateway shuts down, a new stream is opened before the old one is
 * closed. Both deliver for a moment: readers apply changes by number, so a repeat has no effect.
 */
export class LiveStream {
  #running: AbortController | undefined;

  constructor(
    private readonly service: Client<typeof SessionService>,
    private readonly access: AccessKeeper,
    private readonly events: StreamEvents,
  ) {}

  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  async #run(stopped: AbortSignal): Promise<void> {
    let attempt = 0;
    while (!stopped.aborted) {
      try {
        await this.#follow(stopped, () => {
          attempt = 0;
        });
      } catch (error) {
        if (error instanceof SignedOut) {
          this.events.signedOut();
          return;
        }
        const problem = problemOf(error);
        // Either the session has ended or only this token; a renewal shows which.
        if (problem.kind === 'unauthenticated') await this.access.renew().catch(() => undefined);
        this.events.online(false);
        await sleep(Math.max(backoff(attempt), problem.retryAfterMs), wakened(stopped));
        attempt += 1;
      }
    }
  }

  /** Follow streams, each opened before the previous one is closed. */
  async #follow(stopped: AbortSignal, onOpen: () => void): Promise<void> {
    let previous: AbortController | undefined;
    while (!stopped.aborted) {
      const own = new AbortController();
      const signal = AbortSignal.any([stopped, own.signal]);
      try {
        await this.#read(own, signal, () => {
          previous?.abort();
          onOpen();
        });
      } catch (error) {
        own.abort();
        previous?.abort();
        throw error;
      }
      previous = own;
    }
  }

  /** Read one stream; return when another one should follow, and leave it open. */
  async #read(own: AbortController, signal: AbortSignal, onOpen: () => void): Promise<void> {
    const headers = { authorization: `Bearer ${await this.access.token()}` };
    const frames = this.service.subscribe(
      { device: navigator.userAgent.slice(0, 100) },
      { headers, signal },
    );
    let watchdog = setTimeout(() => own.abort(), OPEN_MS);
    let silence = OPEN_MS;
    let follow = 0;
    const iterator = frames[Symbol.asyncIterator]();
    try {
      while (true) {
        const next = await iterator.next();
        if (next.done === true) throw new Error('The stream has ended.');
        for (const { frame } of next.value.frames) {
          if (frame.case === 'welcome') {
            onOpen();
            silence = frame.value.heartbeatSeconds * 1000 * SILENT_BEATS;
            follow = Number(frame.value.tokenExpiresAtMs) - BEFORE_EXPIRY_MS;
          }
          if (frame.case === 'drain') follow = 1;
        }
        clearTimeout(watchdog);
        watchdog = setTimeout(() => own.abort(), silence);
        this.events.frames(next.value.frames);
        this.events.online(true);
        if (follow > 0 && Date.now() >= follow) return;
      }
    } finally {
      clearTimeout(watchdog);
    }
  }
}

/** Return a signal that ends a wait when the browser is online again. */
function wakened(stopped: AbortSignal): AbortSignal {
  const wake = new AbortController();
  addEventListener('online', () => wake.abort(), { once: true, signal: stopped });
  return AbortSignal.any([stopped, wake.signal]);
}

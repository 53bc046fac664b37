import type { Clients } from '@/api/clients';
import { problemOf, type Problem } from '@/api/problems';
import { Format, type Notify } from '@/gen/plexus/messaging/v1/messages_pb';
import { Cell } from '@/kit/cell';
import { randomId } from '@/kit/ids';
import { Signal } from '@/kit/signal';
import { backoff, sleep } from '@/kit/time';

import type { ConversationsStore } from './conversations/conversations';

/** A sent message that the log does not contain yet. */
export interface Pending {
  readonly requestId: string;
  readonly conversationId: string;
  /** Displayed text. */
  readonly text: string;
  /** Sent text, whose mentions contain their ids. */
  readonly markdown: string;
  readonly replyToSeq: number;
  readonly quoteSeq: number;
  readonly notify: Notify;
  readonly writtenAt: number;
  /** `sent`: stored, but not in the log yet. */
  readonly state: 'sending' | 'waiting' | 'sent' | 'failed';
  readonly problem: Problem | undefined;
}

export type Writing = Pick<
  Pending,
  'conversationId' | 'text' | 'markdown' | 'replyToSeq' | 'quoteSeq' | 'notify'
>;

/** Storage in which unsent messages outlive the page. */
export interface OutboxKeeper {
  readonly put: (one: Pending) => void;
  readonly remove: (requestId: string) => void;
}

/** Mentioned people who are not notified, because they are not members (MSG-13). */
export interface Unreached {
  readonly conversationId: string;
  readonly personIds: readonly string[];
}

/**
 * Messages being sent: in order per conversation, and repeated with the same request id until there
 * is a response, so that each is stored once (MSG-3).
 */
export class Outbox {
  readonly pending = new Cell<readonly Pending[]>([]);
  readonly unreached = new Signal<Unreached>();
  #keeper: OutboxKeeper | undefined;
  readonly #busy = new Set<string>();

  constructor(
    private readonly clients: Clients,
    private readonly conversations: ConversationsStore,
  ) {}

  send(writing: Writing): void {
    const one: Pending = {
      ...writing,
      requestId: randomId(),
      writtenAt: Date.now(),
      state: 'sending',
      problem: undefined,
    };
    this.pending.update((all) => [...all, one]);
    this.#keeper?.put(one);
    void this.#work(writing.conversationId);
  }

  /** Store pending messages from now on, so that they outlive the page. */
  keepIn(keeper: OutboxKeeper): void {
    this.#keeper = keeper;
    for (const one of this.pending.get()) if (one.state !== 'sent') keeper.put(one);
  }

  /** Send the pending messages of an earlier page, with the same request ids. */
  restore(pending: readonly Pending[]): void {
    const known = new Set(this.pending.get().map(({ requestId }) => requestId));
    const missing = pending.filter(({ requestId }) => !known.has(requestId));
    this.pending.update((all) => [...missing, ...all]);
    for (const { conversationId } of missing) void this.#work(conversationId);
  }

  retry(requestId: string): void {
    const one = this.#change(requestId, { state: 'sending', problem: undefined });
    if (one !== undefined) void this.#work(one.conversationId);
  }

  discard(requestId: string): void {
    this.#keeper?.remove(requestId);
    this.pending.update((all) => all.filter((one) => one.requestId !== requestId));
  }

  async #work(conversationId: string): Promise<void> {
    if (this.#busy.has(conversationId)) return;
    this.#busy.add(conversationId);
    try {
      for (let next = this.#next(conversationId); next; next = this.#next(conversationId)) {
        await this.#deliver(next);
      }
    } finally {
      this.#busy.delete(conversationId);
    }
  }

  #next(conversationId: string): Pending | undefined {
    return this.pending
      .get()
      .find(
        (one) =>
          one.conversationId === conversationId &&
          (one.state === 'sending' || one.state === 'waiting'),
      );
  }

  async #deliver(one: Pending): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const { seq, notInConversation } = await this.clients.messaging.sendMessage({
          conversationId: one.conversationId,
          requestId: one.requestId,
          text: one.markdown,
          notify: one.notify,
          format: Format.MARKDOWN,
          replyToSeq: BigInt(one.replyToSeq),
          quoteSeq: BigInt(one.quoteSeq),
        });
        this.#change(one.requestId, { state: 'sent', problem: undefined });
        if (notInConversation.length > 0) {
          const { conversationId } = one;
          this.unreached.emit({ conversationId, personIds: notInConversation });
        }
        void this.#shown(one, Number(seq)).then(() => this.discard(one.requestId));
        return;
      } catch (error) {
        const problem = problemOf(error);
        if (problem.kind === 'refused' || problem.kind === 'unauthenticated') {
          this.#change(one.requestId, { state: 'failed', problem });
          return;
        }
        this.#change(one.requestId, { state: 'waiting', problem });
        await sleep(Math.max(backoff(attempt), problem.retryAfterMs), whenOnline());
        if (!this.pending.get().some((each) => each.requestId === one.requestId)) return;
      }
    }
  }

  /** Wait until the log contains the message, so that it never disappears in between. */
  async #shown(one: Pending, seq: number): Promise<void> {
    const log = this.conversations.get(one.conversationId);
    if (log === undefined || log.get(seq)?.whole !== undefined) return;
    await new Promise<void>((resolve) => {
      const stop = log.version.subscribe(() => {
        if (log.get(seq)?.whole === undefined) return;
        stop();
        resolve();
      });
    });
  }

  #change(requestId: string, change: Partial<Pending>): Pending | undefined {
    this.pending.update((all) =>
      all.map((one) => (one.requestId === requestId ? { ...one, ...change } : one)),
    );
    const changed = this.pending.get().find((one) => one.requestId === requestId);
    if (changed?.state === 'sent') this.#keeper?.remove(requestId);
    else if (changed !== undefined) this.#keeper?.put(changed);
    return changed;
  }
}

function whenOnline(): AbortSignal {
  const wake = new AbortController();
  addEventListener('online', () => wake.abort(), { once: true });
  return wake.signal;
}

import type { Clients } from '@/api/clients';
import { problemOf } from '@/api/problems';
import { Queue } from '@/kit/queue';
import { backoff, sleep } from '@/kit/time';

import type { ConversationLog } from '../log/log';

const PAGE = 50;
const WIDTH = 6;

/** Loads pages of history into logs, in both directions; each page at most once at a time. */
export class History {
  readonly #queue = new Queue(WIDTH);

  constructor(private readonly clients: Clients) {}

  /** Load the newest messages, as many as a screen shows. */
  tail(log: ConversationLog, count = PAGE): void {
    const part = log.stretches.around(log.lastSeq);
    if (
      log.lastSeq === 0 ||
      (part !== undefined && part.to - part.from + 1 >= Math.min(count, log.lastSeq))
    )
      return;
    this.#page(log, { before: part === undefined ? 0 : part.from, count });
  }

  older(log: ConversationLog, from: number): void {
    if (from > 1) this.#page(log, { before: from, count: PAGE });
  }

  newer(log: ConversationLog, to: number): void {
    if (to < log.lastSeq) this.#page(log, { after: to, count: PAGE });
  }

  /** Load a message and its surroundings. */
  around(log: ConversationLog, seq: number): void {
    if (log.stretches.around(seq) !== undefined) return;
    this.#queue.add(`${log.id}:@${seq}`, async () => {
      // The following messages first: those inserted above move nothing on the screen.
      await this.#load(log, { after: seq - 1, count: PAGE / 2 });
      await this.#load(log, { before: seq, count: PAGE / 2 });
    });
  }

  /** Load one message, for a quote or the root of a thread. */
  one(log: ConversationLog, seq: number): void {
    if (log.get(seq)?.whole !== undefined) return;
    this.#queue.add(`${log.id}:=${seq}`, async () => {
      const { message } = await this.clients.messaging.getMessage({
        conversationId: log.id,
        by: { case: 'seq', value: BigInt(seq) },
      });
      if (message !== undefined) log.applyMessage(message);
    });
  }

  /** Load the messages of a thread. */
  thread(log: ConversationLog, root: number): void {
    this.#queue.add(`${log.id}:t${root}`, async () => {
      for (let after = 0n, more = true; more;) {
        const page = await this.clients.messaging.listMessages({
          conversationId: log.id,
          rootSeq: BigInt(root),
          afterSeq: after,
          pageSize: 500,
        });
        for (const message of page.messages) log.applyMessage(message);
        after = page.messages.at(-1)?.seq ?? after;
        more = page.hasMore && page.messages.length > 0;
      }
    });
  }

  #page(
    log: ConversationLog,
    asked: ({ before: number } | { after: number }) & { count: number },
  ): void {
    const key = 'after' in asked ? `>${asked.after}` : `<${asked.before}`;
    this.#queue.add(`${log.id}:${key}`, () => this.#load(log, asked));
  }

  async #load(
    log: ConversationLog,
    asked: ({ before: number } | { after: number }) & { count: number },
  ): Promise<void> {
    const where =
      'after' in asked ? { afterSeq: BigInt(asked.after) } : { beforeSeq: BigInt(asked.before) };
    for (let attempt = 0; attempt < 8; attempt += 1) {
      try {
        const request = { conversationId: log.id, pageSize: asked.count, ...where };
        log.applyPage(await this.clients.messaging.listMessages(request), asked);
        return;
      } catch (error) {
        const problem = problemOf(error);
        if (problem.kind === 'refused' || problem.kind === 'unauthenticated') return;
        await sleep(Math.max(backoff(attempt), problem.retryAfterMs));
      }
    }
  }
}

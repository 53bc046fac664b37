import type { Clients } from '@/api/clients';
import type { Cursor } from '@/gen/plexus/messaging/v1/messages_pb';

import type { ConversationsStore } from './conversations/conversations';
import type { Sync } from './conversations/sync';
import { mentionedAgain } from './log/unread';

const TOGETHER_MS = 250;

/** Read cursors: moved here at once, sent to the server in batches (MSG-7). */
export class Reading {
  readonly #moved = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly clients: Clients,
    private readonly conversations: ConversationsStore,
    private readonly sync: Sync,
  ) {}

  /** Record that the user has read a conversation up to a message. */
  advance(conversationId: string, through: number): void {
    const log = this.conversations.get(conversationId);
    if (log === undefined || through > log.lastSeq) return;
    if (through < log.cursor || (through === log.cursor && mentionedAgain(log) === 0)) return;
    if (log.applyCursor(through)) this.sync.refreshView(conversationId);
    this.#moved.set(conversationId, through);
    this.#timer ??= setTimeout(() => void this.#tell(), TOGETHER_MS);
  }

  /** Apply a cursor moved on another device. */
  apply(cursor: Cursor): void {
    const log = this.conversations.get(cursor.conversationId);
    if (log === undefined || cursor.rootSeq !== 0n) return;
    if (log.applyCursor(Number(cursor.throughSeq))) this.sync.refreshView(log.id);
  }

  async #tell(): Promise<void> {
    this.#timer = undefined;
    const moved = [...this.#moved];
    this.#moved.clear();
    try {
      await this.clients.messaging.advanceCursors({
        advances: moved.map(([conversationId, through]) => ({
          conversationId,
          throughSeq: BigInt(through),
        })),
      });
    } catch {
      // A later advance includes these; they are kept so that it sends them too.
      for (const [id, through] of moved) {
        this.#moved.set(id, Math.max(through, this.#moved.get(id) ?? 0));
      }
      this.#timer ??= setTimeout(() => void this.#tell(), TOGETHER_MS * 20);
    }
  }
}

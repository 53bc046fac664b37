import type { Clients } from '@/api/clients';
import { problemOf, type Problem } from '@/api/problems';
import { Format, type Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { Cell } from '@/kit/cell';
import { randomId } from '@/kit/ids';
import { Signal } from '@/kit/signal';

import type { ConversationsStore } from './conversations/conversations';

export interface Windows {
  readonly editMs: number;
  readonly recallMs: number;
}

/** Changes of existing messages: edit, recall, react, pin, label. */
export class MessagesStore {
  readonly problems = new Signal<Problem>();
  /** Time in which a message can be edited and recalled; the tenant's, once known. */
  readonly windows = new Cell<Windows>({ editMs: 24 * 3_600_000, recallMs: 120_000 });

  constructor(
    private readonly clients: Clients,
    private readonly conversations: ConversationsStore,
  ) {}

  async loadPolicy(): Promise<void> {
    const { policy } = await this.clients.messaging.getMessagingPolicy({});
    if (policy === undefined) return;
    this.windows.set({
      editMs: policy.editWindowSeconds * 1000,
      recallMs: policy.recallWindowSeconds * 1000,
    });
  }

  /** Replace the text of a message; return whether that succeeded. */
  async edit(message: Message, text: string): Promise<boolean> {
    return this.#change(message, async () => {
      const { message: edited } = await this.clients.messaging.editMessage({
        requestId: randomId(),
        conversationId: message.conversationId,
        seq: message.seq,
        text,
        format: Format.MARKDOWN,
        expectedVersion: message.version,
      });
      return edited;
    });
  }

  async recall(message: Message): Promise<boolean> {
    return this.#change(message, async () => {
      const { message: recalled } = await this.clients.messaging.recallMessage({
        requestId: randomId(),
        conversationId: message.conversationId,
        seq: message.seq,
      });
      return recalled;
    });
  }

  async react(message: Message, emoji: string, remove: boolean): Promise<boolean> {
    return this.#change(message, async () => {
      const { message: reacted } = await this.clients.messaging.reactToMessage({
        requestId: randomId(),
        conversationId: message.conversationId,
        seq: message.seq,
        emoji,
        remove,
      });
      return reacted;
    });
  }

  async pin(message: Message, unpin: boolean): Promise<boolean> {
    return this.#change(message, async () => {
      const { message: changed } = await this.clients.messaging.pinMessage({
        requestId: randomId(),
        conversationId: message.conversationId,
        seq: message.seq,
        unpin,
      });
      return changed;
    });
  }

  async label(
    message: Message,
    change: { readonly add?: string[]; readonly remove?: string[] },
  ): Promise<boolean> {
    return this.#change(message, async () => {
      const { message: changed } = await this.clients.messaging.labelMessage({
        requestId: randomId(),
        conversationId: message.conversationId,
        seq: message.seq,
        ...change,
      });
      return changed;
    });
  }

  async #change(message: Message, call: () => Promise<Message | undefined>): Promise<boolean> {
    try {
      const changed = await call();
      if (changed !== undefined)
        this.conversations.get(message.conversationId)?.applyMessage(changed);
      return true;
    } catch (error) {
      this.problems.emit(problemOf(error));
      return false;
    }
  }
}

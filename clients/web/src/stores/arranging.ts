import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { TimestampSchema, type Timestamp } from '@bufbuild/protobuf/wkt';

import type { Clients } from '@/api/clients';
import { problemOf, type Problem } from '@/api/problems';
import type { UpdateConversationSettingsRequestSchema } from '@/gen/plexus/messaging/v1/personal_service_pb';
import { Signal } from '@/kit/signal';

import type { ConversationsStore } from './conversations/conversations';
import type { ConversationLog } from './log/log';

// Values of the contract for "indefinitely" and "no longer".
const FOR_EVER = seconds(253_402_214_400n);
const NO_LONGER = seconds(1n);

type Change = Omit<
  MessageInitShape<typeof UpdateConversationSettingsRequestSchema>,
  '$typeName' | '$unknown' | 'conversationId'
>;

/** The user's personal arrangement of conversations, synchronised between devices. */
export class ArrangingStore {
  readonly problems = new Signal<Problem>();

  constructor(
    private readonly clients: Clients,
    private readonly conversations: ConversationsStore,
  ) {}

  async star(log: ConversationLog, starred: boolean): Promise<void> {
    await this.#change(log, { starred });
  }

  async mute(log: ConversationLog, muted: boolean): Promise<void> {
    await this.#change(log, { mutedUntil: muted ? FOR_EVER : NO_LONGER });
  }

  /** Put a conversation into a folder; an empty name removes it from its folder. */
  async file(log: ConversationLog, folder: string): Promise<void> {
    await this.#change(log, { folder });
  }

  /** Mute a conversation until a time, in milliseconds. */
  async muteUntil(log: ConversationLog, until: number): Promise<void> {
    await this.#change(log, { mutedUntil: seconds(BigInt(Math.floor(until / 1000))) });
  }

  async markUnread(log: ConversationLog): Promise<void> {
    await this.#change(log, { markedUnread: true });
  }

  async #change(log: ConversationLog, change: Change): Promise<void> {
    try {
      const { settings } = await this.clients.personal.updateConversationSettings({
        ...change,
        conversationId: log.id,
      });
      if (settings !== undefined) this.conversations.applySettings(settings);
    } catch (error) {
      this.problems.emit(problemOf(error));
    }
  }
}

function seconds(value: bigint): Timestamp {
  return create(TimestampSchema, { seconds: value });
}

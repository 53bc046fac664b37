import { create, toBinary } from '@bufbuild/protobuf';

import { EnvelopeSchema, type Envelope } from '@/gen/plexus/event/v1/envelope_pb';
import { EventsSchema, type Events } from '@/gen/plexus/gateway/v1/session_service_pb';
import {
  ConversationSchema,
  ConversationViewSchema,
  type ConversationView,
} from '@/gen/plexus/messaging/v1/conversations_pb';
import {
  MessageEditedSchema,
  MessagePostedSchema,
  MessageReactedSchema,
  MessageRecalledSchema,
} from '@/gen/plexus/messaging/v1/events_pb';
import {
  MessagePartsSchema,
  MessageSchema,
  ReactionSchema,
  type Message,
} from '@/gen/plexus/messaging/v1/messages_pb';
import {
  ChangeSchema,
  ListChangesResponseSchema,
  ListMessagesResponseSchema,
  type ListChangesResponse,
  type ListMessagesResponse,
} from '@/gen/plexus/messaging/v1/messaging_service_pb';

export type Random = () => number;

/** Return a reproducible generator of numbers in [0, 1) for a seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const ME = 'per_me';
const PEOPLE = [ME, 'per_ann', 'per_bob'];
const EMOJI = ['thumbsup', 'heart'];

/** Messaging's model of a conversation: a log of changes and the current state of each message. */
export class Model {
  readonly messages: Message[] = [];
  readonly log: Envelope[] = [];
  #cursor = 0;

  constructor(private readonly random: Random) {}

  get changeNo(): number {
    return this.log.length;
  }

  /** Apply one random change that a user could make. */
  step(): void {
    const roll = this.random();
    const message = this.#any();
    if (message === undefined || roll < 0.45) this.#post();
    else if (roll < 0.6) this.#edit(message);
    else if (roll < 0.68) this.#recall(message);
    else this.#react(message);
  }

  read(through: number): void {
    this.#cursor = Math.max(this.#cursor, through);
  }

  view(): ConversationView {
    const unread = this.messages.filter(
      (one) => Number(one.seq) > this.#cursor && one.senderId !== ME && !one.recalled,
    );
    return create(ConversationViewSchema, {
      conversation: create(ConversationSchema, {
        id: 'con_1',
        changeNo: BigInt(this.changeNo),
        lastSeq: BigInt(this.messages.length),
        version: 1n,
      }),
      readThroughSeq: BigInt(this.#cursor),
      unread: unread.length,
      mentionUnread: unread.filter((one) => one.mentions.length > 0).length,
    });
  }

  events(after: number, through: number): Events {
    return create(EventsSchema, {
      conversationId: 'con_1',
      after: BigInt(after),
      through: BigInt(through),
      events: this.log.slice(after, through),
    });
  }

  /** Return a page of the log: each changed message once, in its current state. */
  changes(since: number, size: number): ListChangesResponse {
    const through = Math.min(this.changeNo, since + size);
    const touched = new Map<string, bigint>();
    for (const { entityId, changeNo } of this.log.slice(since, through)) {
      touched.delete(entityId);
      touched.set(entityId, changeNo);
    }
    const changes = [...touched].map(([id, changeNo]) => {
      const message = this.messages.find((one) => one.id === id)!;
      return create(ChangeSchema, { changeNo, entity: { case: 'message', value: message } });
    });
    return create(ListChangesResponseSchema, {
      changes,
      through: BigInt(through),
      hasMore: through < this.changeNo,
    });
  }

  before(seq: number, size: number): ListMessagesResponse {
    const end = seq === 0 ? this.messages.length : seq - 1;
    const page = this.messages.slice(Math.max(0, end - size), end);
    return create(ListMessagesResponseSchema, {
      messages: page,
      hasMore: end - size > 0,
      lastSeq: BigInt(this.messages.length),
    });
  }

  after(seq: number, size: number): ListMessagesResponse {
    const page = this.messages.slice(seq, seq + size);
    return create(ListMessagesResponseSchema, {
      messages: page,
      hasMore: seq + size < this.messages.length,
      lastSeq: BigInt(this.messages.length),
    });
  }

  #post(): void {
    const seq = this.messages.length + 1;
    const mentions =
      this.random() < 0.2 ? [{ target: { case: 'personId' as const, value: ME } }] : [];
    const message = create(MessageSchema, {
      id: `msg_${seq}`,
      seq: BigInt(seq),
      senderId: this.#one(PEOPLE),
      text: `words ${seq}`,
      requestId: `r${seq}`,
      revision: 1n,
      mentions,
    });
    this.#keep(message, (kept) => ({
      type: 'MessagePosted',
      fact: toBinary(MessagePostedSchema, create(MessagePostedSchema, { message: kept })),
    }));
  }

  #edit(message: Message): void {
    if (message.recalled) return;
    const version = message.version + 1;
    this.#keep({ ...message, text: `words ${message.seq} v${version}`, version }, (kept) => ({
      type: 'MessageEdited',
      fact: toBinary(MessageEditedSchema, create(MessageEditedSchema, { message: kept })),
    }));
  }

  #recall(message: Message): void {
    if (message.recalled) return;
    const empty = { text: '', mentions: [], reactions: [], recalled: true };
    this.#keep({ ...message, ...empty }, (kept) => ({
      type: 'MessageRecalled',
      fact: toBinary(MessageRecalledSchema, create(MessageRecalledSchema, { message: kept })),
    }));
  }

  #react(message: Message): void {
    if (message.recalled) return;
    const emoji = this.#one(EMOJI);
    const others = message.reactions.filter((one) => one.emoji !== emoji);
    const isRemoved = others.length < message.reactions.length;
    const added = isRemoved
      ? []
      : [create(ReactionSchema, { emoji, personIds: [this.#one(PEOPLE)] })];
    const changed = create(MessageSchema, { ...message, reactions: [...others, ...added] });
    this.#keep(changed, ({ id, seq, changeNo, revision, reactions }) => {
      const parts = create(MessagePartsSchema, {
        messageId: id,
        seq,
        changeNo,
        revision,
        reactions,
      });
      const fact = create(MessageReactedSchema, { parts, emoji });
      return { type: 'MessageReacted', fact: toBinary(MessageReactedSchema, fact) };
    });
  }

  /** Store the new state of a message and its fact in one write (MSG-4). */
  #keep(state: Message, factOf: (kept: Message) => { type: string; fact: Uint8Array }): void {
    const changeNo = BigInt(this.changeNo + 1);
    const at = Number(state.seq) - 1;
    const previous = this.messages[at];
    const kept = create(MessageSchema, {
      ...state,
      changeNo,
      revision: previous === undefined ? 1n : previous.revision + 1n,
    });
    this.messages[at] = kept;
    const { type, fact } = factOf(kept);
    const entityId = kept.id;
    const envelope = { changeNo, entityId, type: `plexus.messaging.v1.${type}`, fact };
    this.log.push(create(EnvelopeSchema, envelope));
  }

  #any(): Message | undefined {
    return this.messages[Math.floor(this.random() * this.messages.length)];
  }

  #one<T>(of: readonly T[]): T {
    return of[Math.floor(this.random() * of.length)]!;
  }
}

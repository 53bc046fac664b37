import { fromBinary } from '@bufbuild/protobuf';

import type { Envelope } from '@/gen/plexus/event/v1/envelope_pb';
import type { Conversation } from '@/gen/plexus/messaging/v1/conversations_pb';
import type { Message, MessageParts } from '@/gen/plexus/messaging/v1/messages_pb';
import {
  ConversationArchivedSchema,
  ConversationChangedSchema,
  ConversationCreatedSchema,
  MessageEditedSchema,
  MessageLabeledSchema,
  MessagePinnedSchema,
  MessagePostedSchema,
  MessageReactedSchema,
  MessageRecalledSchema,
} from '@/gen/plexus/messaging/v1/events_pb';

/** Effect of a fact in a conversation's log on a reader. */
export type Fact =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'parts'; readonly parts: MessageParts }
  | { readonly kind: 'conversation'; readonly conversation: Conversation }
  | { readonly kind: 'members' }
  | { readonly kind: 'nothing' }
  /** The current state must be fetched: the content is omitted, or of a later version. */
  | { readonly kind: 'unknown' };

const NOTHING: Fact = { kind: 'nothing' };
const UNKNOWN: Fact = { kind: 'unknown' };

const READERS: Readonly<Record<string, (fact: Uint8Array) => Fact>> = {
  MessagePosted: (fact) => ofMessage(fromBinary(MessagePostedSchema, fact).message),
  MessageEdited: (fact) => ofMessage(fromBinary(MessageEditedSchema, fact).message),
  MessageRecalled: (fact) => ofMessage(fromBinary(MessageRecalledSchema, fact).message),
  MessageReacted: (fact) => ofParts(fromBinary(MessageReactedSchema, fact)),
  MessagePinned: (fact) => ofParts(fromBinary(MessagePinnedSchema, fact)),
  MessageLabeled: (fact) => ofParts(fromBinary(MessageLabeledSchema, fact)),
  ConversationCreated: (fact) => of(fromBinary(ConversationCreatedSchema, fact).conversation),
  ConversationChanged: (fact) => of(fromBinary(ConversationChangedSchema, fact).conversation),
  ConversationArchived: (fact) => of(fromBinary(ConversationArchivedSchema, fact).conversation),
  MembersAdded: () => ({ kind: 'members' }),
  MembersRemoved: () => ({ kind: 'members' }),
  ChainBegun: () => NOTHING,
};

const PREFIX = 'plexus.messaging.v1.';

export function factOf(envelope: Envelope): Fact {
  if (envelope.omitted || !envelope.type.startsWith(PREFIX)) return UNKNOWN;
  return READERS[envelope.type.slice(PREFIX.length)]?.(envelope.fact) ?? UNKNOWN;
}

function ofMessage(message: Message | undefined): Fact {
  return message === undefined ? UNKNOWN : { kind: 'message', message };
}

function ofParts(fact: {
  readonly message?: Message | undefined;
  readonly parts?: MessageParts | undefined;
}): Fact {
  return fact.parts === undefined ? ofMessage(fact.message) : { kind: 'parts', parts: fact.parts };
}

function of(conversation: Conversation | undefined): Fact {
  return conversation === undefined ? UNKNOWN : { kind: 'conversation', conversation };
}

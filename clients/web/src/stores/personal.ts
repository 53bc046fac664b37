import { fromBinary } from '@bufbuild/protobuf';

import type { Envelope } from '@/gen/plexus/event/v1/envelope_pb';
import {
  ConversationSettingsChangedSchema,
  CursorAdvancedSchema,
  DraftDeletedSchema,
  DraftSavedSchema,
} from '@/gen/plexus/messaging/v1/events_pb';

import type { ConversationsStore } from './conversations/conversations';
import type { DraftsStore } from './drafts';
import type { Reading } from './reading';

export interface PersonalStores {
  readonly conversations: ConversationsStore;
  readonly drafts: DraftsStore;
  readonly reading: Reading;
}

type Apply = (fact: Uint8Array, stores: PersonalStores) => void;

const APPLY: Readonly<Record<string, Apply>> = {
  CursorAdvanced: (fact, { reading }) => {
    const { cursor } = fromBinary(CursorAdvancedSchema, fact);
    if (cursor !== undefined) reading.apply(cursor);
  },
  DraftSaved: (fact, { drafts }) => {
    const { draft } = fromBinary(DraftSavedSchema, fact);
    if (draft !== undefined) drafts.apply(draft);
  },
  DraftDeleted: (fact, { drafts }) => {
    const { conversationId, rootSeq, writtenAt, version } = fromBinary(DraftDeletedSchema, fact);
    if (writtenAt === undefined) return;
    drafts.apply({ conversationId, rootSeq, writtenAt, version, text: '', spans: [] });
  },
  ConversationSettingsChanged: (fact, { conversations }) => {
    const { settings } = fromBinary(ConversationSettingsChangedSchema, fact);
    if (settings !== undefined) conversations.applySettings(settings);
  },
};

/** Apply a fact about the user's own data; versions decide, not the order. */
export function applyPersonal(envelope: Envelope, stores: PersonalStores): void {
  APPLY[envelope.type.replace('plexus.messaging.v1.', '')]?.(envelope.fact, stores);
}

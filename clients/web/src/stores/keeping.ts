import { create, fromBinary, toBinary } from '@bufbuild/protobuf';

import { BatchGetPeopleResponseSchema } from '@/gen/plexus/directory/v1/directory_service_pb';
import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import {
  ListConversationsResponseSchema,
  ListMessagesResponseSchema,
} from '@/gen/plexus/messaging/v1/messaging_service_pb';

import type { Workspace } from './client';
import type { ConversationLog } from './log/log';
import type { Pending } from './outbox';
import { Vault } from './vault';

const SAVE_AFTER_MS = 5_000;
const MAX_CONVERSATIONS = 30;
const MAX_MESSAGES = 30;
const OUTBOX = 'outbox/';

type Kept = Pick<Workspace, 'personId' | 'conversations' | 'outbox' | 'people' | 'frames'>;

/**
 * Stores the latest state and the unsent messages in this browser, encrypted.
 *
 * The stored state is shown until the server has responded, and is then updated like any state of
 * this page: by the numbers of its changes.
 */
export class Keeping {
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    private readonly vault: Vault,
    private readonly kept: Kept,
  ) {}

  /** Restore the stored state and store later changes. Rejects if the browser has no storage. */
  static async begin(cacheKey: Uint8Array, kept: Kept): Promise<Keeping> {
    const keeping = new Keeping(await Vault.open(cacheKey, kept.personId), kept);
    await keeping.#restore();
    kept.outbox.keepIn({
      put: (one) => keeping.#put(one),
      remove: (requestId) => keeping.#later(keeping.vault.remove(`${OUTBOX}${requestId}`)),
    });
    kept.frames.on(() => keeping.#saveSoon());
    kept.conversations.list.subscribe(() => keeping.#saveSoon());
    addEventListener('pagehide', () => keeping.#later(keeping.save()));
    return keeping;
  }

  async save(): Promise<void> {
    const { conversations, people } = this.kept;
    const logs = conversations.all.filter((log) => !log.conversation.archived);
    const views = create(ListConversationsResponseSchema, { views: logs.map(viewOf) });
    await this.vault.put('views', toBinary(ListConversationsResponseSchema, views));
    const recent = [...logs]
      .sort((one, other) => other.activity - one.activity)
      .slice(0, MAX_CONVERSATIONS)
      .flatMap(tailOf);
    await this.#putMessages(
      'messages',
      recent.map(({ whole }) => whole),
    );
    await this.#putMessages(
      'parts',
      recent.map(({ parts }) => parts),
    );
    const known = create(BatchGetPeopleResponseSchema, { people: [...people.all] });
    await this.vault.put('people', toBinary(BatchGetPeopleResponseSchema, known));
  }

  async #restore(): Promise<void> {
    const { conversations, people, outbox } = this.kept;
    const [views, messages, parts, known, pending] = await Promise.all([
      this.vault.get('views'),
      this.vault.get('messages'),
      this.vault.get('parts'),
      this.vault.get('people'),
      this.#pending(),
    ]);
    outbox.restore(pending);
    if (known !== undefined) people.put(fromBinary(BatchGetPeopleResponseSchema, known).people);
    // The server was faster: its data is newer than the stored state.
    if (views === undefined || conversations.loading.get() === 'ready') return;
    const wholes = byConversation(messages);
    const newest = byConversation(parts);
    const listed = fromBinary(ListConversationsResponseSchema, views).views;
    for (const view of [...listed].reverse()) {
      const log = conversations.put(view);
      const held = wholes.get(log.id) ?? [];
      log.restore(held, newest.get(log.id) ?? []);
    }
    conversations.loading.set('ready');
  }

  async #pending(): Promise<Pending[]> {
    const names = await this.vault.names(OUTBOX);
    const found = await Promise.all(names.map((name) => this.vault.get(name)));
    return found
      .flatMap((bytes) =>
        bytes === undefined ? [] : [JSON.parse(new TextDecoder().decode(bytes)) as Pending],
      )
      .sort((one, other) => one.writtenAt - other.writtenAt);
  }

  #put(one: Pending): void {
    const bytes = new TextEncoder().encode(JSON.stringify(one));
    this.#later(this.vault.put(`${OUTBOX}${one.requestId}`, bytes));
  }

  async #putMessages(name: string, messages: readonly Message[]): Promise<void> {
    const page = create(ListMessagesResponseSchema, { messages: [...messages] });
    await this.vault.put(name, toBinary(ListMessagesResponseSchema, page));
  }

  #saveSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#later(this.save());
    }, SAVE_AFTER_MS);
  }

  /** Ignore a storage failure: the page still has the data, and the next one fetches it. */
  #later(work: Promise<void>): void {
    work.catch(() => undefined);
  }
}

/** Return the view of a conversation with the change numbers reached by this browser. */
function viewOf(log: ConversationLog) {
  const { unread, mentions } = log.counts;
  return {
    ...log.view,
    conversation: {
      ...log.conversation,
      changeNo: BigInt(log.through),
      lastSeq: BigInt(log.lastSeq),
    },
    readThroughSeq: BigInt(log.cursor),
    unread,
    mentionUnread: mentions,
  };
}

interface Tail {
  readonly whole: Message;
  /** The parts of the message, as a message without text: they may be newer than the text. */
  readonly parts: Message;
}

function tailOf(log: ConversationLog): Tail[] {
  const part = log.stretches.around(log.lastSeq);
  if (part === undefined) return [];
  const from = Math.max(part.from, log.lastSeq - MAX_MESSAGES + 1);
  return log.between(from, log.lastSeq).flatMap(({ whole, parts }) =>
    whole === undefined
      ? []
      : [
          {
            whole,
            parts: {
              ...whole,
              text: '',
              spans: [],
              attachments: [],
              forwarded: [],
              revision: parts.revision,
              reactions: parts.reactions,
              labels: parts.labels,
              pin: parts.pin,
            },
          },
        ],
  );
}

function byConversation(bytes: Uint8Array | undefined): Map<string, Message[]> {
  const found = new Map<string, Message[]>();
  if (bytes === undefined) return found;
  for (const message of fromBinary(ListMessagesResponseSchema, bytes).messages) {
    const known = found.get(message.conversationId) ?? [];
    known.push(message);
    found.set(message.conversationId, known);
  }
  return found;
}

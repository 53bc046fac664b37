import { createClient, type Client } from '@connectrpc/connect';
import type { MessageInitShape } from '@bufbuild/protobuf';

import { answerOf, type Answer } from '@/api/answers';
import type { Problem } from '@/api/problems';
import {
  Conversation_History as History,
  Conversation_Kind as Kind,
} from '@/gen/plexus/messaging/v1/conversations_pb';
import {
  MessagingService,
  type UpdateConversationRequestSchema,
} from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { randomId } from '@/kit/ids';
import type { Workspace } from '@/stores/client';

import type { ConversationLog } from './log/log';

/** Changes to a conversation; absent fields stay unchanged. */
export type ConversationChange = Pick<
  Exclude<MessageInitShape<typeof UpdateConversationRequestSchema>, { $typeName: string }>,
  'name' | 'topic' | 'archived' | 'confidential' | 'history' | 'expectedVersion'
>;

export interface NewGroup {
  readonly name: string;
  readonly topic: string;
  readonly memberIds: readonly string[];
  /** True if later members can read older messages. */
  readonly isHistoryShown: boolean;
}

/** Creates groups, and changes conversations for all their members. */
export class ManagingStore {
  readonly #client: Client<typeof MessagingService>;
  readonly #conversations: Workspace['conversations'];

  constructor({ calls, conversations }: Pick<Workspace, 'calls' | 'conversations'>) {
    this.#client = createClient(MessagingService, calls);
    this.#conversations = conversations;
  }

  /**
   * Create a group; return its id.
   *
   * Args:
   *   requestId: the same for every attempt of one form, so that only one group is created.
   */
  async create(group: NewGroup, requestId: string): Promise<Answer<string>> {
    return answerOf(async () => {
      const { conversation } = await this.#client.createConversation({
        requestId,
        kind: Kind.GROUP,
        name: group.name,
        topic: group.topic,
        memberIds: [...group.memberIds],
        history: group.isHistoryShown ? History.ALL : History.SINCE_JOIN,
      });
      const id = conversation?.id ?? '';
      await this.#conversations.fetch(id);
      return id;
    });
  }

  async update(log: ConversationLog, change: ConversationChange): Promise<Problem | undefined> {
    const { problem } = await answerOf(async () => {
      const request = { requestId: randomId(), conversationId: log.id, ...change };
      await this.#client.updateConversation(request);
      await this.#conversations.fetch(log.id);
    });
    return problem;
  }
}

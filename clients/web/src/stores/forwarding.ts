import { createClient, type Client } from '@connectrpc/connect';

import { answerOf } from '@/api/answers';
import type { Problem } from '@/api/problems';
import { MessagingService } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { milliseconds } from '@/kit/time';
import type { Workspace } from '@/stores/client';

import type { ConversationLog } from './log/log';
import type { Target } from './view';

/** Forwards messages to other conversations, and finds messages by day. */
export class ForwardingStore {
  readonly #client: Client<typeof MessagingService>;

  constructor({ calls }: Pick<Workspace, 'calls'>) {
    this.#client = createClient(MessagingService, calls);
  }

  /**
   * Forward a message to another conversation, with its origin (MSG-16).
   *
   * Args:
   *   requestId: the same for every attempt, so that it is stored once (MSG-3).
   */
  async forward(
    { conversationId, seq }: Target,
    to: { readonly conversationId: string; readonly comment: string; readonly requestId: string },
  ): Promise<Problem | undefined> {
    const { problem } = await answerOf(() =>
      this.#client.forwardMessages({
        requestId: to.requestId,
        conversationId,
        seqs: [BigInt(seq)],
        toConversationId: to.conversationId,
        comment: to.comment,
        // One message contains both, so that the comment is never separate.
        merged: to.comment !== '',
      }),
    );
    return problem;
  }

  /**
   * Return the number of the first visible message sent at or after a time; the last one if there
   * is none.
   */
  async firstSince(log: ConversationLog, time: number): Promise<number> {
    let low = 1;
    let high = log.lastSeq;
    let found = log.lastSeq;
    while (low <= high) {
      const middle = Math.floor((low + high) / 2);
      const page = await this.#client.listMessages({
        conversationId: log.id,
        afterSeq: BigInt(middle - 1),
        pageSize: 1,
      });
      const message = page.messages[0];
      if (message === undefined) {
        high = middle - 1;
      } else if (milliseconds(message.sentAt) >= time) {
        found = Number(message.seq);
        high = middle - 1;
      } else {
        low = Number(message.seq) + 1;
      }
    }
    return found;
  }
}

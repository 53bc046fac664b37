import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { createClient, type Client } from '@connectrpc/connect';

import { answerOf } from '@/api/answers';
import { problemOf, type Problem } from '@/api/problems';
import { Format } from '@/gen/plexus/messaging/v1/messages_pb';
import { MessagingService } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import {
  PersonalService,
  type ScheduledMessage,
} from '@/gen/plexus/messaging/v1/personal_service_pb';
import { Cell } from '@/kit/cell';
import type { Addressed } from '@/kit/mentions';
import type { Workspace } from '@/stores/client';

import { targetOf } from './drafts';

/** A message to be sent at a given time. */
export interface ToSchedule {
  readonly conversationId: string;
  readonly markdown: string;
  readonly replyToSeq: number;
  readonly quoteSeq: number;
  /** In milliseconds. */
  readonly sendAt: number;
}

export interface ScheduledList {
  readonly scheduled: readonly ScheduledMessage[];
  readonly state: 'loading' | 'ready' | 'failed';
  readonly problem?: Problem;
}

/** Scheduled messages, and the number of people whom they would disturb. */
export class SchedulingStore {
  readonly list = new Cell<ScheduledList>({ scheduled: [], state: 'loading' });
  readonly #personal: Client<typeof PersonalService>;
  readonly #messaging: Client<typeof MessagingService>;

  constructor({ calls }: Pick<Workspace, 'calls'>) {
    this.#personal = createClient(PersonalService, calls);
    this.#messaging = createClient(MessagingService, calls);
  }

  /** Return the number of recipients outside their working hours. */
  async offHours(
    conversationId: string,
    mentions: readonly Addressed[],
    sendAt?: number,
  ): Promise<number> {
    const { offHours } = await this.#messaging.previewSend({
      conversationId,
      mentions: mentions.map(({ of }) => ({ target: targetOf(of) })),
      ...(sendAt === undefined ? {} : { sendAt: timestampFromMs(sendAt) }),
    });
    return offHours;
  }

  /**
   * Schedule a message.
   *
   * Args:
   *   requestId: the same for every attempt of one form, so that it is sent once.
   */
  async schedule(wanted: ToSchedule, requestId: string): Promise<Problem | undefined> {
    const { problem } = await answerOf(() =>
      this.#personal.scheduleMessage({
        requestId,
        sendAt: timestampFromMs(wanted.sendAt),
        message: {
          conversationId: wanted.conversationId,
          text: wanted.markdown,
          format: Format.MARKDOWN,
          replyToSeq: BigInt(wanted.replyToSeq),
          quoteSeq: BigInt(wanted.quoteSeq),
        },
      }),
    );
    if (problem === undefined) void this.load();
    return problem;
  }

  async load(): Promise<void> {
    try {
      const scheduled: ScheduledMessage[] = [];
      let pageToken = '';
      do {
        const page = await this.#personal.listScheduledMessages({ pageSize: 500, pageToken });
        scheduled.push(...page.scheduled);
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      this.list.set({ scheduled, state: 'ready' });
    } catch (error) {
      this.list.set({ ...this.list.get(), state: 'failed', problem: problemOf(error) });
    }
  }

  async move(message: ScheduledMessage, sendAt: number): Promise<Problem | undefined> {
    return this.#change(() =>
      this.#personal.updateScheduledMessage({
        id: message.id,
        sendAt: timestampFromMs(sendAt),
        expectedVersion: message.version,
      }),
    );
  }

  async cancel(id: string): Promise<Problem | undefined> {
    return this.#change(() => this.#personal.cancelScheduledMessage({ id }));
  }

  async #change(call: () => Promise<unknown>): Promise<Problem | undefined> {
    const { problem } = await answerOf(call);
    await this.load();
    return problem;
  }
}

import { createClient, type Client } from '@connectrpc/connect';

import { problemOf, type Problem } from '@/api/problems';
import type { Message } from '@/gen/plexus/messaging/v1/messages_pb';
import { MessagingService } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import { Cell } from '@/kit/cell';
import type { Workspace } from '@/stores/client';

import type { ConversationLog } from './log/log';

/** The pinned messages of a conversation, newest pin first. */
export interface PinList {
  readonly messages: readonly Message[];
  readonly state: 'loading' | 'ready' | 'failed';
  readonly problem?: Problem;
}

/** Pinned messages: loaded when shown, and again when a pin has changed. */
export class PinsStore {
  readonly #client: Client<typeof MessagingService>;
  readonly #lists = new Map<string, Cell<PinList>>();

  constructor({ calls }: Pick<Workspace, 'calls'>) {
    this.#client = createClient(MessagingService, calls);
  }

  of(log: ConversationLog): Cell<PinList> {
    const known = this.#lists.get(log.id);
    if (known !== undefined) return known;
    const list = new Cell<PinList>({ messages: [], state: 'loading' });
    this.#lists.set(log.id, list);
    log.pins.subscribe(() => void this.load(log));
    void this.load(log);
    return list;
  }

  async load(log: ConversationLog): Promise<void> {
    const list = this.of(log);
    try {
      const messages: Message[] = [];
      let pageToken = '';
      do {
        const page = await this.#client.listPins({ conversationId: log.id, pageToken });
        messages.push(...page.messages);
        pageToken = page.nextPageToken;
      } while (pageToken !== '');
      list.set({ messages, state: 'ready' });
    } catch (error) {
      list.set({ ...list.get(), state: 'failed', problem: problemOf(error) });
    }
  }
}

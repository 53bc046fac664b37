import { createClients, type Clients } from '@/api/clients';
import type { MessageVersion, Receipt } from '@/gen/plexus/messaging/v1/messaging_service_pb';
import type { Workspace } from '@/stores/client';

const PAGE = 200;

export interface Receipts {
  readonly receipts: readonly Receipt[];
  readonly audience: number;
  readonly read: number;
  /** Names are hidden from everyone (MSG-10). */
  readonly countsOnly: boolean;
  readonly nextPageToken: string;
}

/** Information about one message, fetched on demand: receipts and earlier versions. */
export class MessageInfoStore {
  readonly #clients: Clients;

  constructor({ calls }: Pick<Workspace, 'calls'>) {
    this.#clients = createClients(calls);
  }

  async receipts(conversationId: string, seq: number, pageToken: string): Promise<Receipts> {
    return this.#clients.messaging.listReceipts({
      conversationId,
      seq: BigInt(seq),
      pageSize: PAGE,
      pageToken,
    });
  }

  /** Return every version, oldest first. */
  async versions(conversationId: string, seq: number): Promise<readonly MessageVersion[]> {
    const all: MessageVersion[] = [];
    let pageToken = '';
    do {
      const page = await this.#clients.messaging.listMessageVersions({
        conversationId,
        seq: BigInt(seq),
        pageToken,
      });
      all.push(...page.versions);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return all;
  }
}

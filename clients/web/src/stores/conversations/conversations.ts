import type { Clients } from '@/api/clients';
import type {
  ConversationSettings,
  ConversationView,
} from '@/gen/plexus/messaging/v1/conversations_pb';
import { Cell } from '@/kit/cell';
import { Signal } from '@/kit/signal';

import { ConversationLog } from '../log/log';

const PAGE = 500;

export type Loading = 'loading' | 'ready' | 'failed';

/** The user's conversations, most recently active first. */
export class ConversationsStore {
  readonly list = new Cell<readonly ConversationLog[]>([]);
  /** The archived conversations loaded so far. */
  readonly archived = new Cell<readonly ConversationLog[]>([]);
  readonly loading = new Cell<Loading>('loading');
  /** Conversations from which the user has just been removed. */
  readonly closed = new Signal<string>();
  readonly #logs = new Map<string, ConversationLog>();
  #latest = 0;
  #sorting = false;

  constructor(
    private readonly clients: Clients,
    readonly personId: string,
  ) {}

  get(id: string): ConversationLog | undefined {
    return this.#logs.get(id);
  }

  get all(): ConversationLog[] {
    return [...this.#logs.values()];
  }

  /** Fetch every view. Known conversations get newer counts and keep their messages. */
  async load(includeArchived = false): Promise<void> {
    const views: ConversationView[] = [];
    let pageToken = '';
    do {
      const request = { pageSize: PAGE, pageToken, includeArchived };
      const page = await this.clients.messaging.listConversations(request);
      views.push(...page.views);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    for (const view of [...views].reverse()) this.put(view);
    this.loading.set('ready');
  }

  /** Fetch one view; remove the conversation if the user no longer belongs to it. */
  async fetch(id: string): Promise<ConversationLog | undefined> {
    const { view } = await this.clients.messaging.getConversation({ conversationId: id });
    return view === undefined ? undefined : this.put(view);
  }

  put(view: ConversationView): ConversationLog {
    const id = view.conversation?.id ?? '';
    const known = this.#logs.get(id);
    if (known !== undefined) {
      known.applyView(view);
      this.#sort();
      return known;
    }
    const log = new ConversationLog(view, this.personId);
    this.#logs.set(id, log);
    this.touch(log);
    return log;
  }

  /** Move a conversation to the top after a new message. */
  touch(log: ConversationLog): void {
    this.#latest += 1;
    log.activity = this.#latest;
    this.#sort();
  }

  applySettings(settings: ConversationSettings): void {
    const log = this.#logs.get(settings.conversationId);
    if (log === undefined || (log.view.settings?.version ?? 0n) >= settings.version) return;
    log.applySettings(settings);
    this.#sort();
  }

  remove(id: string): void {
    if (!this.#logs.delete(id)) return;
    this.#sort();
    this.closed.emit(id);
  }

  /** Sort a conversation again after its own fields have changed. */
  relist(): void {
    this.#sort();
  }

  /** Sort once for all changes of one turn of the event loop. */
  #sort(): void {
    if (this.#sorting) return;
    this.#sorting = true;
    queueMicrotask(() => {
      this.#sorting = false;
      const sorted = this.all.sort(
        (one, other) => starred(other) - starred(one) || other.activity - one.activity,
      );
      this.list.set(sorted.filter((log) => !log.conversation.archived));
      this.archived.set(sorted.filter((log) => log.conversation.archived));
    });
  }
}

function starred(log: ConversationLog): number {
  return log.view.settings?.starred === true ? 1 : 0;
}

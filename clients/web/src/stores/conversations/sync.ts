import type { Clients } from '@/api/clients';
import { problemOf } from '@/api/problems';
import type { Events, Frame, Position } from '@/gen/plexus/gateway/v1/session_service_pb';
import { Queue } from '@/kit/queue';
import { backoff, sleep } from '@/kit/time';

import type { ConversationLog, Needs } from '../log/log';
import type { ConversationsStore } from './conversations';

const WIDTH = 4;
const PAGE = 1000;
/** From this number on, one list of views is cheaper than fetching each conversation. */
const MANY = 20;

/** Keeps conversations in step with the stream: applies changes in order, fetches missing ones. */
export class Sync {
  readonly #queue = new Queue(WIDTH);
  #early: Frame[] | undefined = [];

  constructor(
    private readonly clients: Clients,
    private readonly conversations: ConversationsStore,
  ) {}

  /** Load the snapshot, then apply the events received meanwhile. */
  async start(): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.conversations.load();
        break;
      } catch (error) {
        if (problemOf(error).kind === 'unauthenticated') throw error;
        this.conversations.loading.set('failed');
        await sleep(backoff(attempt));
      }
    }
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const frame of early) this.take(frame);
  }

  take(frame: Frame): void {
    if (this.#early !== undefined) {
      this.#early.push(frame);
      return;
    }
    const one = frame.frame;
    if (one.case === 'events') this.#events(one.value);
    if (one.case === 'welcome') this.#welcome(one.value.positions);
    if (one.case === 'heartbeat') this.#positions(one.value.positions);
    if (one.case === 'conversationClosed') this.conversations.remove(one.value.conversationId);
    if (one.case === 'resync') this.#resync(one.value.conversationIds);
  }

  /** Fetch a conversation's view again, because its counts cannot be derived. */
  refreshView(id: string): void {
    this.#queue.add(`view:${id}`, () =>
      this.#try(id, async () => {
        await this.conversations.fetch(id);
      }),
    );
  }

  #events(events: Events): void {
    const log = this.conversations.get(events.conversationId);
    if (log === undefined) {
      this.refreshView(events.conversationId);
      return;
    }
    const { lastSeq, conversation } = log;
    this.#fetch(log, log.applyEvents(events));
    if (log.lastSeq > lastSeq) this.conversations.touch(log);
    else if (log.conversation !== conversation) this.conversations.relist();
  }

  /** Apply the complete list of conversations: the user has left those that are not in it. */
  #welcome(positions: readonly Position[]): void {
    const ids = new Set(positions.map((position) => position.conversationId));
    for (const log of this.conversations.all) {
      if (!ids.has(log.id)) this.refreshView(log.id);
    }
    this.#positions(positions);
  }

  #positions(positions: readonly Position[]): void {
    const behind = positions.filter(({ conversationId, through }) => {
      const log = this.conversations.get(conversationId);
      return log === undefined || log.through < Number(through);
    });
    if (behind.length > MANY) {
      this.#queue.add('snapshot', () => this.#snapshot(behind));
      return;
    }
    for (const { conversationId } of behind) this.#catchUp(conversationId);
  }

  #resync(ids: readonly string[]): void {
    if (ids.length === 0) {
      const all = this.conversations.all.map((log) => log.id);
      this.#queue.add('snapshot', () =>
        this.#snapshot(all.map((conversationId) => ({ conversationId }))),
      );
    }
    for (const id of ids) this.#catchUp(id);
  }

  /** Fetch all views. Conversations without messages start from there, others catch up. */
  async #snapshot(behind: readonly { readonly conversationId: string }[]): Promise<void> {
    await this.#try('', () => this.conversations.load());
    for (const { conversationId } of behind) {
      const log = this.conversations.get(conversationId);
      if (log?.holdsNothing === true) log.restart();
      else this.#catchUp(conversationId);
    }
  }

  #catchUp(id: string): void {
    this.#queue.add(`changes:${id}`, () => this.#try(id, () => this.#changes(id)));
  }

  async #changes(id: string): Promise<void> {
    const log = this.conversations.get(id) ?? (await this.conversations.fetch(id));
    if (log === undefined) return;
    const { lastSeq, conversation } = log;
    let view = false;
    for (let needs: Needs = { changes: true, view: false }; needs.changes;) {
      const since = log.through;
      const page = await this.clients.messaging.listChanges({
        conversationId: id,
        since: BigInt(since),
        pageSize: PAGE,
      });
      if (since < Number(page.minAvailable)) {
        await this.#reload(log);
        return;
      }
      needs = log.applyChanges(page);
      view ||= needs.view;
    }
    if (log.lastSeq > lastSeq) this.conversations.touch(log);
    else if (log.conversation !== conversation) this.conversations.relist();
    if (view) this.refreshView(id);
  }

  async #reload(log: ConversationLog): Promise<void> {
    const { view } = await this.clients.messaging.getConversation({ conversationId: log.id });
    if (view !== undefined) log.reset(view);
  }

  #fetch(log: ConversationLog, needs: Needs): void {
    if (needs.changes) this.#catchUp(log.id);
    if (needs.view) this.refreshView(log.id);
  }

  /** Retry until it succeeds; remove a conversation that has become hidden. */
  async #try(id: string, work: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await work();
        return;
      } catch (error) {
        const problem = problemOf(error);
        if (problem.kind === 'unauthenticated') return;
        if (problem.kind === 'refused') {
          if (problem.reason === 'CONVERSATION_NOT_FOUND') this.conversations.remove(id);
          return;
        }
        await sleep(Math.max(backoff(attempt), problem.retryAfterMs));
      }
    }
  }
}

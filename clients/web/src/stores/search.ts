import { createClient, type Client } from '@connectrpc/connect';

import { problemOf, type Problem } from '@/api/problems';
import { SearchService, type Hit } from '@/gen/plexus/search/v1/search_service_pb';
import { Cell } from '@/kit/cell';
import { sleep } from '@/kit/time';

import type { Workspace } from './client';

/** Searchable types, in the words of the contract. */
export const KINDS = ['message', 'task', 'person'] as const;
export type Kind = (typeof KINDS)[number];

export interface Asked {
  readonly query: string;
  /** Undefined for every kind. */
  readonly kind: Kind | undefined;
}

export interface Found {
  readonly asked: Asked;
  readonly hits: readonly Hit[];
  /** Exact up to 10,000. */
  readonly total: number;
  /** The newest documents may be missing (SRC-4). */
  readonly partial: boolean;
  readonly nextPageToken: string;
}

export type Searching = 'idle' | 'searching' | 'more' | 'failed';

const PAGE = 20;
const MAX_ATTEMPTS = 4;

/** The search of this tab: only the latest query is answered. */
export class SearchStore {
  readonly found = new Cell<Found | undefined>(undefined);
  readonly state = new Cell<Searching>('idle');
  readonly problem = new Cell<Problem | undefined>(undefined);
  /** Scroll position of the results in pixels, to restore it. */
  scrolledTo = 0;
  readonly #client: Client<typeof SearchService>;
  #running: AbortController | undefined;
  #asked: Asked | undefined;

  constructor({ calls }: Pick<Workspace, 'calls'>) {
    this.#client = createClient(SearchService, calls);
  }

  /** Start a search and discard the previous one. */
  async search(asked: Asked): Promise<void> {
    const query = asked.query.trim();
    if (query === this.#asked?.query && asked.kind === this.#asked.kind && this.#isAnswered())
      return;
    this.#asked = { ...asked, query };
    this.scrolledTo = 0;
    if (query === '') {
      this.clear();
      return;
    }
    await this.#ask(this.#asked, undefined);
  }

  /** Fetch the next page of results. */
  async more(): Promise<void> {
    const found = this.found.get();
    if (found === undefined || found.nextPageToken === '' || this.state.get() !== 'idle') return;
    await this.#ask(found.asked, found);
  }

  /** Repeat the failed request. */
  async retry(): Promise<void> {
    if (this.#asked !== undefined) await this.#ask(this.#asked, undefined);
  }

  clear(): void {
    this.#running?.abort();
    this.#asked = undefined;
    this.found.set(undefined);
    this.problem.set(undefined);
    this.state.set('idle');
  }

  #isAnswered(): boolean {
    return this.state.get() !== 'failed';
  }

  async #ask(asked: Asked, before: Found | undefined): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.problem.set(undefined);
    this.state.set(before === undefined ? 'searching' : 'more');
    try {
      const found = await this.#answer(asked, before, running.signal);
      if (running.signal.aborted) return;
      this.found.set(found);
      this.state.set('idle');
    } catch (error) {
      if (running.signal.aborted) return;
      this.problem.set(problemOf(error));
      this.state.set('failed');
    }
  }

  /** Retry once after the time that a busy server names. */
  async #answer(asked: Asked, before: Found | undefined, signal: AbortSignal): Promise<Found> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await this.#client.search(
          {
            query: asked.query,
            types: asked.kind === undefined ? [] : [asked.kind],
            pageSize: PAGE,
            pageToken: before?.nextPageToken ?? '',
          },
          { signal },
        );
        return {
          asked,
          hits: [...(before?.hits ?? []), ...response.hits],
          total: Number(response.total),
          partial: response.partial,
          nextPageToken: response.nextPageToken,
        };
      } catch (error) {
        const { kind, retryAfterMs } = problemOf(error);
        if (signal.aborted || kind !== 'busy' || retryAfterMs === 0 || attempt === MAX_ATTEMPTS)
          throw error;
        await sleep(retryAfterMs, signal);
      }
    }
  }
}

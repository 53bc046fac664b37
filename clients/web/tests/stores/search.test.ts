import { create } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  createRouterTransport,
  type HandlerContext,
} from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ErrorInfoSchema, RetryInfoSchema } from '@/gen/google/rpc/error_details_pb';
import {
  SearchResponseSchema,
  SearchService,
  type SearchRequest,
  type SearchResponse,
} from '@/gen/plexus/search/v1/search_service_pb';
import { stretchesOf } from '@/kit/highlight';
import { SearchStore } from '@/stores/search';

type Answer = (
  request: SearchRequest,
  context: HandlerContext,
) => SearchResponse | Promise<SearchResponse>;

/** Return a store with a service that gives the test's response, and the received requests. */
function storeWith(answer: Answer): { store: SearchStore; asked: SearchRequest[] } {
  const asked: SearchRequest[] = [];
  const calls = createRouterTransport(({ service }) => {
    service(SearchService, {
      search: async (request, context) => {
        asked.push(request);
        return answer(request, context);
      },
    });
  });
  return { store: new SearchStore({ calls }), asked };
}

function page(ids: string[], nextPageToken = '', total = ids.length): SearchResponse {
  return create(SearchResponseSchema, {
    total: BigInt(total),
    hits: ids.map((id) => ({ type: 'message', id })),
    nextPageToken,
  });
}

function ids(store: SearchStore): string[] {
  return (store.found.get()?.hits ?? []).map((hit) => hit.id);
}

describe('search', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('appends pages until there is no token', async () => {
    const { store, asked } = storeWith(({ pageToken }) =>
      pageToken === '' ? page(['a', 'b'], 'next', 3) : page(['c'], '', 3),
    );
    await store.search({ query: ' plan ', kind: 'message' });
    await store.more();
    await store.more();
    expect(ids(store)).toEqual(['a', 'b', 'c']);
    expect(store.found.get()?.total).toBe(3);
    expect(asked.map(({ query, types, pageToken }) => [query, types, pageToken])).toEqual([
      ['plan', ['message'], ''],
      ['plan', ['message'], 'next'],
    ]);
  });

  it('shows the answer to the newest question, whatever comes late', async () => {
    const late: (() => void)[] = [];
    const { store } = storeWith(async ({ query }) => {
      if (query === 'old') await new Promise<void>((resolve) => late.push(resolve));
      return page([query]);
    });
    const old = store.search({ query: 'old', kind: undefined });
    await vi.advanceTimersByTimeAsync(0);
    await store.search({ query: 'new', kind: undefined });
    for (const resolve of late) resolve();
    await old;
    expect(ids(store)).toEqual(['new']);
    expect(store.state.get()).toBe('idle');
  });

  it('does not ask again for what it holds, and forgets it when the box is emptied', async () => {
    const { store, asked } = storeWith(({ query }) => page([query]));
    await store.search({ query: 'plan', kind: undefined });
    await store.search({ query: 'plan', kind: undefined });
    expect(asked).toHaveLength(1);
    await store.search({ query: ' ', kind: undefined });
    expect(store.found.get()).toBeUndefined();
  });

  it('waits as long as the server names while it is busy', async () => {
    let busy = true;
    const { store, asked } = storeWith(() => {
      if (!busy) return page(['a']);
      busy = false;
      throw new ConnectError('busy', Code.ResourceExhausted, undefined, [
        { desc: ErrorInfoSchema, value: { reason: 'TOO_MANY_SEARCHES' } },
        { desc: RetryInfoSchema, value: { retryDelay: { seconds: 2n } } },
      ]);
    });
    const searching = store.search({ query: 'plan', kind: undefined });
    await vi.advanceTimersByTimeAsync(1_900);
    expect(asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    await searching;
    expect(ids(store)).toEqual(['a']);
  });

  it('keeps the reason of a refusal and asks again on demand', async () => {
    let refused = true;
    const { store } = storeWith(() => {
      if (!refused) return page(['a']);
      throw new ConnectError('no', Code.Unavailable, undefined, [
        { desc: ErrorInfoSchema, value: { reason: 'INDEX_UNREACHABLE' } },
      ]);
    });
    await store.search({ query: 'plan', kind: undefined });
    expect(store.problem.get()?.reason).toBe('INDEX_UNREACHABLE');
    refused = false;
    await store.retry();
    expect(store.problem.get()).toBeUndefined();
    expect(ids(store)).toEqual(['a']);
  });
});

describe('highlights', () => {
  it('cut a text into what was found and what was not', () => {
    expect(stretchesOf('the \u0002plan\u0003\nof \u0002May\u0003')).toEqual([
      { text: 'the ', found: false },
      { text: 'plan', found: true },
      { text: ' of ', found: false },
      { text: 'May', found: true },
    ]);
  });

  it('mark nothing where an end is missing', () => {
    expect(stretchesOf('a \u0002b')).toEqual([
      { text: 'a ', found: false },
      { text: 'b', found: false },
    ]);
  });
});

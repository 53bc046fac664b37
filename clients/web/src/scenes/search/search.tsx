import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useLayoutEffect, useRef, type KeyboardEvent } from 'react';

import { Button } from '@/components/button';
import { Page } from '@/components/page';
import { Skeleton } from '@/components/skeleton';
import { Tabs } from '@/components/tabs';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { storeOf } from '@/stores/lazy';
import { KINDS, SearchStore, type Kind } from '@/stores/search';

import { Results } from './results';
import { SearchBox } from './search-box';
import styles from './search.module.css';

const ALL = 'all';

/** One search box for messages, tasks and people. */
export function SearchScene() {
  const texts = useTexts('search');
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const store = storeOf(workspace, SearchStore);
  const asked: { q?: string; kind?: string } = useSearch({ strict: false });
  const query = asked.q ?? '';
  const kind = KINDS.find((one) => one === asked.kind);
  const page = useRef<HTMLElement>(null);

  useEffect(() => void store.search({ query, kind }), [store, query, kind]);

  // On return from a message, restore the scroll position of the results.
  useLayoutEffect(() => {
    const scroller = page.current;
    if (scroller === null) return undefined;
    scroller.scrollTop = store.scrolledTo;
    return () => {
      store.scrolledTo = scroller.scrollTop;
    };
  }, [store]);

  function ask(change: { query?: string; kind?: Kind | undefined }): void {
    const wanted = { query, kind, ...change };
    void navigate({
      to: '/search',
      search: {
        ...(wanted.query === '' ? {} : { q: wanted.query }),
        ...(wanted.kind === undefined ? {} : { kind: wanted.kind }),
      },
      replace: true,
    });
  }

  /** Move with the arrow keys from the box to the results and between them. */
  function onKeyDown(event: KeyboardEvent): void {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined || event.nativeEvent.isComposing) return;
    const stops = [...event.currentTarget.querySelectorAll<HTMLElement>('input, [data-result]')];
    const at = stops.findIndex((stop) => stop === document.activeElement);
    const next = stops[at + by];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    next.focus();
  }

  return (
    <Page title={texts.title} ref={page} onKeyDown={onKeyDown}>
      <SearchBox key={workspace.personId} query={query} onQuery={(next) => ask({ query: next })} />
      <Tabs
        label={texts.kinds}
        tabs={[
          { id: ALL, label: texts.all },
          ...KINDS.map((one) => ({ id: one, label: texts.kind[one] ?? one })),
        ]}
        selected={kind ?? ALL}
        onSelect={(id) => ask({ kind: KINDS.find((one) => one === id) })}
      />
      <div className={styles.below}>
        <Answer store={store} query={query} />
      </div>
    </Page>
  );
}

function Answer({ store, query }: { readonly store: SearchStore; readonly query: string }) {
  const texts = useTexts('search');
  const messages = useMessages();
  const found = useCell(store.found);
  const state = useCell(store.state);
  const problem = useCell(store.problem);
  if (problem !== undefined) {
    return (
      <div className={styles.note} role="alert">
        <p>{problemText(problem, messages, texts.reasons)}</p>
        <Button onPress={() => void store.retry()}>{texts.retry}</Button>
      </div>
    );
  }
  if (query.trim() === '') return <Start />;
  if (found === undefined || (state === 'searching' && found.hits.length === 0))
    return <Skeleton label={texts.searching} lines={5} />;
  return (
    <>
      <p className={styles.count} role="status">
        {state === 'searching' ? texts.searching : texts.found(found.total)}
        {found.partial ? ` · ${texts.partial}` : ''}
      </p>
      {found.hits.length === 0 ? (
        <div className={styles.note}>
          <p>{texts.none(found.asked.query)}</p>
          <p className={styles.muted}>{texts.noneHint}</p>
        </div>
      ) : (
        <Results found={found} />
      )}
      {found.nextPageToken === '' ? null : (
        <div className={styles.more}>
          <Button isDisabled={state === 'more'} onPress={() => void store.more()}>
            {state === 'more' ? texts.loadingMore : texts.more}
          </Button>
        </div>
      )}
    </>
  );
}

function Start() {
  const texts = useTexts('search');
  return (
    <div className={styles.note}>
      <p>{texts.start}</p>
      <ul className={styles.hints}>
        {texts.hints.map((hint) => (
          <li key={hint}>{hint}</li>
        ))}
      </ul>
    </div>
  );
}

import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';
import { Button } from 'react-aria-components';

import { shownShortcut } from '@/actions/action';
import { Icon } from '@/components/icon';
import { IconButton } from '@/components/button';
import { Skeleton } from '@/components/skeleton';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { passes } from '@/stores/conversations/filter';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import styles from './conversation-list.module.css';
import { ConversationRow } from './conversation-row';
import { ListFilterChoice } from './list-filter';

const ROW_PX = 60;

/** The user's conversations, most recently active first. */
export function ConversationList({ selected }: { readonly selected: string }) {
  const messages = useMessages();
  const { conversations, view } = useWorkspace();
  const filter = useCell(view.filter);
  const list = useListed();
  const loading = useCell(conversations.loading);
  return (
    <nav className={styles.panel} aria-label={messages.conversations.list}>
      <div className={styles.head}>
        <div className={styles.title}>
          <h2>{messages.shell.conversations}</h2>
          <IconButton
            icon="plus"
            label={messages.actions.newGroup}
            small
            onPress={() => view.newGroup.set(true)}
          />
        </div>
        <Button className={classes(styles.find)} onPress={() => view.switcher.set(true)}>
          <Icon name="search" size={15} />
          <span>{messages.shell.search}</span>
          <kbd>{shownShortcut('mod+k')}</kbd>
        </Button>
        <ListFilterChoice />
      </div>
      {loading === 'failed' ? <p className={styles.note}>{messages.conversations.failed}</p> : null}
      {loading === 'loading' ? <Skeleton label={messages.starting.loading} lines={8} /> : null}
      {loading === 'ready' && list.length === 0 ? (
        <p className={styles.note}>
          {filter.kind === 'all'
            ? messages.conversations.empty
            : messages.conversations.nothingHere}
        </p>
      ) : null}
      {list.length === 0 ? null : <Rows list={list} selected={selected} />}
    </nav>
  );
}

/** Return the conversations that pass the filter. */
function useListed(): readonly ConversationLog[] {
  const { conversations, view } = useWorkspace();
  const filter = useCell(view.filter);
  const list = useCell(conversations.list);
  const archived = useCell(conversations.archived);
  return useMemo(
    () => (filter.kind === 'archived' ? archived : list).filter((log) => passes(log, filter)),
    [filter, list, archived],
  );
}

interface RowsProps {
  readonly list: readonly ConversationLog[];
  readonly selected: string;
}

function Rows({ list, selected }: RowsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are called while rendering only
  const virtual = useVirtualizer({
    count: list.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => list[index]?.id ?? index,
    overscan: 8,
  });
  return (
    <div ref={scroller} className={styles.list}>
      <ul className={styles.rows} style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const log = list[item.index];
          if (log === undefined) return null;
          return (
            <li
              key={item.key}
              className={styles.slot}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <ConversationRow log={log} isSelected={log.id === selected} />
            </li>
          );
        })}
      </ul>
    </div>
  );
}

import { useEffect, useMemo, useRef, type KeyboardEvent } from 'react';

import { offered } from '@/actions/action';
import { MESSAGE_ACTIONS } from '@/actions/message';
import { Button } from '@/components/button';
import { Icon } from '@/components/icon';
import { Skeleton } from '@/components/skeleton';
import { classes } from '@/kit/classes';
import { useCell } from '@/kit/cell';
import { useMessages } from '@/messages/context';
import { nameOf } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';
import type { ConversationLog } from '@/stores/log/log';

import { TimelineRow } from './timeline-row';
import styles from './timeline.module.css';
import { rowsOf, type Row } from './rows';
import { useReadCursor } from './use-read-cursor';
import { useTimelineList } from './use-timeline-list';
import { useUnreadLine } from './use-unread-line';

const EMPTY = { from: 1, to: 0 };

interface Props {
  readonly log: ConversationLog;
  /** Message in the address; 0 for the newest. */
  readonly at: number;
  readonly onThread: (root: number) => void;
  readonly onLatest: () => void;
  readonly onJump: (seq: number) => void;
}

/** The messages of a conversation with endless scrolling in both directions. */
export function Timeline({ log, at, onThread, onLatest, onJump }: Props) {
  const messages = useMessages();
  const workspace = useWorkspace();
  const { people, history, events, outbox, personId } = workspace;
  const version = useCell(log.version);
  const pending = useCell(outbox.pending);
  const shownEvents = useCell(events.of(log));
  const readThrough = useUnreadLine(log);
  const scroller = useRef<HTMLDivElement>(null);
  const anchor = at > 0 ? at : log.lastSeq;
  const stretch = log.lastSeq === 0 ? EMPTY : log.stretches.around(anchor);
  const isTail = stretch !== undefined && stretch.to >= log.lastSeq;

  useEffect(() => {
    if (at > 0) history.around(log, at);
    else history.tail(log);
  }, [at, history, log]);

  const from = stretch?.from;
  const to = stretch?.to;
  useEffect(() => {
    if (from !== undefined && to !== undefined) events.show(log, { from, to, isTail });
  }, [events, log, version, from, to, isTail]);

  const rows = useMemo(() => {
    if (stretch === undefined) return [];
    return rowsOf({
      held: log.between(stretch.from, stretch.to),
      pending: isTail
        ? pending.filter((one) => one.conversationId === log.id && one.replyToSeq === 0)
        : [],
      events: shownEvents,
      from: stretch.from,
      to: stretch.to,
      readThrough: readThrough,
      personId,
    });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the log changes in place; its version says when
  }, [log, version, stretch, isTail, pending, shownEvents, personId, readThrough]);

  const list = useTimelineList({
    scroller,
    rows,
    at,
    isTail,
    isWhole: stretch !== undefined && (at === 0 || stretch.from === 1 || stretch.from < at),
    onOlder: () => stretch !== undefined && history.older(log, stretch.from),
    onNewer: () => stretch !== undefined && history.newer(log, stretch.to),
  });
  useReadCursor(log, list.lastSeen, isTail);

  if (stretch === undefined) {
    return (
      <div className={styles.frame}>
        <Skeleton label={messages.timeline.loading} />
      </div>
    );
  }
  const unread = log.counts.unread;
  return (
    <div className={styles.frame}>
      <div
        ref={scroller}
        className={styles.scroller}
        tabIndex={0}
        role="region"
        aria-label={messages.timeline.label(nameOf(log, people, messages))}
        onKeyDown={onKeyDown}
      >
        <div className={styles.rows} role="list" style={{ height: list.height }}>
          {list.items.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            return (
              <div
                key={item.key}
                ref={list.measure}
                data-index={item.index}
                role="listitem"
                className={styles.slot}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <TimelineRow row={row} log={log} onThread={onThread} />
              </div>
            );
          })}
        </div>
      </div>
      {stretch.from > readThrough + 1 ? (
        <div className={classes(styles.floating, styles.top)}>
          <Button onPress={() => onJump(readThrough + 1)}>
            <Icon name="up" size={15} />
            {messages.timeline.unreadAbove(stretch.from - readThrough - 1)}
          </Button>
        </div>
      ) : null}
      {list.isAtEnd && isTail ? null : (
        <div className={classes(styles.floating, styles.bottom)}>
          <Button
            onPress={() => {
              onLatest();
              list.toEnd();
            }}
          >
            <Icon name="down" size={15} />
            {unread > 0 ? messages.timeline.newMessages(unread) : messages.timeline.latest}
          </Button>
        </div>
      )}
    </div>
  );

  /** Move between messages with the arrows, and act on the focused one with single keys. */
  function onKeyDown(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (target.closest('input, textarea, [role="menu"]') !== null) return;
    if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      event.preventDefault();
      list.moveFocus(event.key === 'ArrowUp' ? -1 : 1);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = focusedRow(target, rows);
    if (row?.kind !== 'message' || row.held.whole === undefined) return;
    const context = {
      workspace,
      message: row.held.whole,
      openThread: onThread,
      inThread: false,
      pickReaction: () =>
        target.closest('article')?.querySelector<HTMLElement>('[data-action="react"]')?.click(),
    };
    const action = offered(MESSAGE_ACTIONS, context).find(({ shortcut }) => shortcut === event.key);
    if (action === undefined) return;
    event.preventDefault();
    action.run(context);
  }
}

function focusedRow(target: HTMLElement, rows: readonly Row[]): Row | undefined {
  const index = target.closest<HTMLElement>('[data-index]')?.dataset.index;
  return index === undefined ? undefined : rows[Number(index)];
}

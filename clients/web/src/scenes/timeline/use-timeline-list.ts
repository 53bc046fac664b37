import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState, type RefObject } from 'react';

import type { Row } from './rows';

const ESTIMATE: Readonly<Record<Row['kind'], number>> = {
  beginning: 60,
  day: 44,
  unread: 44,
  event: 28,
  message: 64,
  pending: 40,
};
const NEAR_ROWS = 12;
const AT_END_PX = 40;
const PADDING_PX = 12;
const SETTLE_MS = 150;

interface Options {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly rows: readonly Row[];
  readonly at: number;
  /** True if the rows reach the newest message, so that new ones are followed. */
  readonly isTail: boolean;
  /** True if the rows around `at` are complete. */
  readonly isWhole: boolean;
  readonly onOlder: () => void;
  readonly onNewer: () => void;
}

/**
 * The virtual list of a timeline: anchored at its end, and stable while older rows are inserted.
 */
export function useTimelineList({
  scroller,
  rows,
  at,
  isTail,
  isWhole,
  onOlder,
  onNewer,
}: Options) {
  const placed = useRef(false);
  const [isSettled, setSettled] = useState(false);
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions are called while rendering only
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index) => rows[index]?.key ?? index,
    estimateSize: (index) => ESTIMATE[rows[index]?.kind ?? 'message'],
    anchorTo: 'end',
    followOnAppend: isTail,
    scrollEndThreshold: AT_END_PX,
    overscan: 10,
    paddingEnd: PADDING_PX,
  });
  const items = virtual.getVirtualItems();
  const bottom = (virtual.scrollOffset ?? 0) + (virtual.scrollRect?.height ?? 0);
  const seen = items.findLast((item) => item.end <= bottom + AT_END_PX / 2)?.index ?? -1;
  const lastSeen = rows.slice(0, seen + 1).findLast(isMessage);
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;

  useLayoutEffect(() => {
    if (placed.current || rows.length === 0 || !isWhole) return;
    placed.current = true;
    const named = rows.findIndex((row) => row.kind === 'message' && row.held.seq >= at);
    const unread = rows.findIndex((row) => row.kind === 'unread');
    if (at > 0 && named >= 0) virtual.scrollToIndex(named, { align: 'center' });
    else if (unread >= 0) virtual.scrollToIndex(unread, { align: 'start' });
    else virtual.scrollToEnd();
    // Rows inserted before the list has reached its target would lead it to another one.
    setTimeout(() => setSettled(true), SETTLE_MS);
  }, [rows, at, isWhole, virtual]);

  useEffect(() => {
    if (rows.length === 0 || !isSettled) return;
    if (first < NEAR_ROWS) onOlder();
    if (last > rows.length - NEAR_ROWS) onNewer();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- pages are asked for when the edge moves
  }, [first, last, rows.length, isSettled]);

  return {
    items,
    height: virtual.getTotalSize(),
    measure: virtual.measureElement,
    // Measured at one moment: the element's own height is that of the previous rendering.
    isAtEnd: virtual.getTotalSize() - bottom <= AT_END_PX,
    lastSeen: lastSeen?.held.seq ?? 0,
    toEnd: () => virtual.scrollToEnd({ behavior: 'auto' }),
    moveFocus(by: 1 | -1) {
      const current = document.activeElement?.closest<HTMLElement>('[data-index]')?.dataset.index;
      let next = current === undefined ? rows.length - 1 : Number(current) + by;
      while (rows[next] !== undefined && rows[next]?.kind !== 'message') next += by;
      if (rows[next] === undefined) return;
      virtual.scrollToIndex(next, { align: 'auto' });
      requestAnimationFrame(() => {
        scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"] article`)?.focus();
      });
    },
  };
}

function isMessage(row: Row): row is Extract<Row, { kind: 'message' }> {
  return row.kind === 'message';
}

import {
  monitorForElements,
  type ElementDragPayload,
} from '@atlaskit/pragmatic-drag-and-drop/element/adapter';
import type { DragLocation } from '@atlaskit/pragmatic-drag-and-drop/types';
import { useEffect, useState, type RefObject } from 'react';

import { mayEnter, targetAt, type Lane, type Target } from '@/stores/tasks/board';

/** Drop position of the dragged card. */
interface Over {
  /** Empty while it is not over a column that it may enter. */
  readonly columnId: string;
  /** Counted including the dragged card, as the column shows it. */
  readonly index: number;
  /** Columns that it may enter. */
  readonly open: ReadonlySet<string>;
}

interface Board {
  readonly lanes: readonly Lane[];
  readonly frame: RefObject<HTMLElement | null>;
  readonly move: (taskId: string, target: Target) => void;
}

/** Follow a card that is dragged across the board; return its drop position. */
export function useDragging({ lanes, frame, move }: Board): Over | undefined {
  const [over, setOver] = useState<Over | undefined>(undefined);

  useEffect(() => {
    function follow(source: ElementDragPayload, location: DragLocation): Over {
      const taskId = idOf(source);
      const task = lanes.flatMap(({ tasks }) => tasks).find(({ id }) => id === taskId);
      const open = new Set(
        lanes
          .filter(({ column }) => task !== undefined && mayEnter(task, column))
          .map(({ column }) => column.id),
      );
      const columnId = (location.dropTargets[0]?.data.columnId as string | undefined) ?? '';
      return { columnId, index: indexAt(frame.current, columnId, location.input.clientY), open };
    }

    return monitorForElements({
      canMonitor: ({ source }) => idOf(source) !== '',
      onDragStart: ({ source, location }) => setOver(follow(source, location.current)),
      onDrag: ({ source, location }) => {
        const next = follow(source, location.current);
        setOver((previous) => (isSame(previous, next) ? previous : next));
      },
      onDrop: ({ source, location }) => {
        setOver(undefined);
        const { columnId, index } = follow(source, location.current);
        const lane = lanes.find(({ column }) => column.id === columnId);
        if (lane === undefined) return;
        const taskId = idOf(source);
        const own = lane.tasks.findIndex(({ id }) => id === taskId);
        if (own === index || (own >= 0 && own === index - 1)) return;
        move(taskId, targetAt(lane, own >= 0 && own < index ? index - 1 : index, taskId));
      },
    });
  }, [lanes, frame, move]);

  return over;
}

/** Return the index of the card below a height in a column, or the number of cards. */
function indexAt(frame: HTMLElement | null, columnId: string, y: number): number {
  const cards = frame?.querySelectorAll(`[data-column="${CSS.escape(columnId)}"] [data-card]`);
  let index = 0;
  for (const card of cards ?? []) {
    const { top, height } = card.getBoundingClientRect();
    if (y < top + height / 2) return index;
    index += 1;
  }
  return index;
}

function idOf(source: ElementDragPayload): string {
  return typeof source.data.taskId === 'string' ? source.data.taskId : '';
}

function isSame(one: Over | undefined, other: Over): boolean {
  return one?.columnId === other.columnId && one.index === other.index;
}

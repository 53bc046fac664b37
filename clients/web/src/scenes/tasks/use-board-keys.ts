import {
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type FocusEvent,
  type KeyboardEvent,
  type RefObject,
} from 'react';

import { useTexts } from '@/messages/subjects';
import { stepTarget, type Direction, type Lane, type Target } from '@/stores/tasks/board';

const DIRECTIONS: Readonly<Record<string, Direction>> = {
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
};

interface Board {
  readonly lanes: readonly Lane[];
  /** The task with open details; empty for none. */
  readonly openId: string;
  readonly frame: RefObject<HTMLElement | null>;
  readonly move: (taskId: string, target: Target) => void;
  readonly announce: (words: string) => void;
}

/** Move the focus with arrow keys and cards with Shift; one card is in the tab order. */
export function useBoardKeys({ lanes, openId, frame, move, announce }: Board) {
  const texts = useTexts('tasks');
  const [focused, setFocused] = useState('');
  const following = useRef('');
  const all = lanes.flatMap(({ tasks }) => tasks);
  const activeId = all.some(({ id }) => id === focused) ? focused : (all[0]?.id ?? '');

  // A card that changes its column is a new element: the focus follows it.
  useLayoutEffect(() => {
    const id = following.current;
    if (id === '') return;
    following.current = '';
    buttonOf(frame.current, id)?.focus();
  }, [lanes, frame]);

  // The details restore the focus when they close, unless the card has changed its column since.
  const opened = useRef('');
  useEffect(() => {
    const closed = openId === '' ? opened.current : '';
    opened.current = openId;
    if (closed !== '' && document.activeElement === document.body)
      buttonOf(frame.current, closed)?.focus();
  }, [openId, frame]);

  function onFocus(event: FocusEvent<HTMLElement>): void {
    const id = cardOf(event.target);
    if (id !== '') setFocused(id);
  }

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const direction = DIRECTIONS[event.key];
    const id = cardOf(event.target);
    const isPlain = !event.altKey && !event.ctrlKey && !event.metaKey;
    if (direction === undefined || id === '' || !isPlain) return;
    event.preventDefault();
    if (!event.shiftKey) {
      buttonOf(frame.current, neighbourOf(lanes, id, direction))?.focus();
      return;
    }
    const target = stepTarget(lanes, id, direction);
    if (target === undefined) {
      announce(texts.card.edge(all.find((task) => task.id === id)?.title ?? ''));
      return;
    }
    following.current = id;
    move(id, target);
  }

  return { activeId, onFocus, onKeyDown };
}

/** Return the adjacent card; left and right skip empty columns. */
export function neighbourOf(lanes: readonly Lane[], id: string, direction: Direction): string {
  const at = lanes.findIndex(({ tasks }) => tasks.some((task) => task.id === id));
  const tasks = lanes[at]?.tasks ?? [];
  const index = tasks.findIndex((task) => task.id === id);
  if (direction === 'up') return tasks[index - 1]?.id ?? id;
  if (direction === 'down') return tasks[index + 1]?.id ?? id;
  const by = direction === 'left' ? -1 : 1;
  for (let next = at + by; next >= 0 && next < lanes.length; next += by) {
    const beside = lanes[next]?.tasks ?? [];
    const found = beside[Math.min(index, beside.length - 1)];
    if (found !== undefined) return found.id;
  }
  return id;
}

function cardOf(target: EventTarget): string {
  const card = target instanceof HTMLElement ? target.closest<HTMLElement>('[data-card]') : null;
  return card?.dataset.card ?? '';
}

function buttonOf(frame: HTMLElement | null, id: string): HTMLElement | undefined {
  const card = frame?.querySelector<HTMLElement>(`[data-card="${CSS.escape(id)}"]`);
  return card?.querySelector<HTMLElement>('button') ?? undefined;
}

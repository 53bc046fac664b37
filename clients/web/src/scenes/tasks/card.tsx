import { draggable } from '@atlaskit/pragmatic-drag-and-drop/element/adapter';
import { memo, useEffect, useRef, useState } from 'react';

import { IconButton } from '@/components/button';
import { Menu, type MenuEntry } from '@/components/menu';
import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { classes } from '@/kit/classes';
import { plainName } from '@/kit/text';
import { useTexts } from '@/messages/subjects';
import { mayEnter, stepTarget, targetAt, type Lane, type Target } from '@/stores/tasks/board';

import { Assignees } from './assignees';
import styles from './board.module.css';
import { DueLabel } from './due-label';
import { columnName } from './naming';
import { PriorityLabel } from './priority-label';

const NO_HOVER = matchMedia('(hover: none)').matches;

interface Props {
  readonly task: Task;
  readonly lanes: readonly Lane[];
  readonly isActive: boolean;
  readonly isOpen: boolean;
  readonly onOpen: (id: string) => void;
  readonly onMove: (taskId: string, target: Target) => void;
}

/** A task on a board. */
export const Card = memo(function Card({ task, lanes, isActive, isOpen, onOpen, onMove }: Props) {
  const texts = useTexts('tasks');
  const element = useRef<HTMLLIElement>(null);
  const [isDragged, setDragged] = useState(false);
  // Hundreds of menus would cost a second: a card gets one when hovered or focused.
  const [isHovered, setHovered] = useState(NO_HOVER);
  const isNear = isActive || isHovered;

  useEffect(() => {
    if (element.current === null) return undefined;
    return draggable({
      element: element.current,
      getInitialData: () => ({ taskId: task.id }),
      onDragStart: () => setDragged(true),
      onDrop: () => setDragged(false),
    });
  }, [task.id]);

  return (
    <li
      ref={element}
      className={classes(styles.card, isDragged && styles.dragged, isOpen && styles.opened)}
      data-card={task.id}
      onPointerEnter={() => setHovered(true)}
    >
      <button
        type="button"
        className={styles.open}
        tabIndex={isActive ? 0 : -1}
        aria-describedby="board-hint"
        aria-current={isOpen ? 'true' : undefined}
        onClick={() => onOpen(task.id)}
      >
        <bdi className={styles.title}>{plainName(task.title)}</bdi>
        <span className={styles.foot}>
          <span className={styles.key}>{task.key}</span>
          <PriorityLabel priority={task.priority} />
          <DueLabel task={task} />
          <Assignees ids={task.assigneeIds} />
        </span>
      </button>
      <div className={styles.menu}>
        {isNear ? (
          <Menu label={texts.card.actions} entries={entriesOf()}>
            <IconButton
              icon="more"
              label={texts.card.actions}
              small
              excludeFromTabOrder={!isActive}
            />
          </Menu>
        ) : null}
      </div>
    </li>
  );

  function entriesOf(): readonly MenuEntry[] {
    const step = (direction: 'up' | 'down', label: string, icon: 'up' | 'down'): MenuEntry[] => {
      const target = stepTarget(lanes, task.id, direction);
      return target === undefined
        ? []
        : [{ id: direction, label, icon, run: () => onMove(task.id, target) }];
    };
    return [
      { id: 'open', label: texts.card.open, icon: 'task', run: () => onOpen(task.id) },
      ...step('up', texts.card.up, 'up'),
      ...step('down', texts.card.down, 'down'),
      ...lanes
        .filter(({ column }) => column.id !== task.columnId && mayEnter(task, column))
        .map((lane) => ({
          id: lane.column.id,
          label: texts.card.moveTo(columnName(lane.column, texts)),
          run: () => onMove(task.id, targetAt(lane, 0, task.id)),
        })),
    ];
  }
});

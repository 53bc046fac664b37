import { useCallback, useMemo, useRef } from 'react';

import type { Project } from '@/gen/plexus/tasks/v1/tasks_pb';
import { useTexts } from '@/messages/subjects';
import { lanesOf, type Target } from '@/stores/tasks/board';

import { useTasksAddress } from './address';
import styles from './board.module.css';
import { BoardLane } from './lane';
import { columnName } from './naming';
import { useBoardKeys } from './use-board-keys';
import { useDragging } from './use-dragging';
import { useTasks } from './use-tasks';

/** The columns of a project with their cards, which can be moved by pointer, keys and menus. */
export function Board({ project }: { readonly project: Project }) {
  const texts = useTexts('tasks');
  const tasks = useTasks();
  const { openTask, search } = useTasksAddress();
  const frame = useRef<HTMLDivElement>(null);
  const announcer = useRef<HTMLParagraphElement>(null);
  const version = tasks.held.version.get();
  const moves = tasks.changing.moves.get();
  const lanes = useMemo(
    () => lanesOf(project, tasks.held.all(), moves),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the version stands for what is held
    [project, tasks, version, moves],
  );

  const announce = useCallback((words: string): void => {
    if (announcer.current !== null) announcer.current.textContent = words;
  }, []);

  const move = useCallback(
    (taskId: string, target: Target): void => {
      const task = tasks.held.get(taskId);
      const lane = lanes.find(({ column }) => column.id === target.columnId);
      if (task === undefined || lane === undefined) return;
      const others = lane.tasks.filter(({ id }) => id !== taskId);
      const position = others.findIndex(({ id }) => id === target.afterTaskId) + 2;
      const at = target.afterTaskId === '' ? 1 : position;
      const name = columnName(lane.column, texts);
      announce(texts.card.moved(task.title, name, at, others.length + 1));
      void tasks.changing.move(task, target);
    },
    [tasks, lanes, announce, texts],
  );

  const openId = search.task ?? '';
  const keys = useBoardKeys({ lanes, openId, frame, move, announce });
  const over = useDragging({ lanes, frame, move });
  return (
    <div ref={frame} className={styles.board} onKeyDown={keys.onKeyDown} onFocus={keys.onFocus}>
      <p id="board-hint" className="visually-hidden">
        {texts.card.hint}
      </p>
      <p ref={announcer} className="visually-hidden" role="status" />
      {lanes.map((lane) => (
        <BoardLane
          key={lane.column.id}
          project={project}
          lane={lane}
          lanes={lanes}
          activeId={keys.activeId}
          openId={openId}
          over={over?.columnId === lane.column.id ? over.index : undefined}
          isClosed={over !== undefined && !over.open.has(lane.column.id)}
          onOpen={openTask}
          onMove={move}
        />
      ))}
    </div>
  );
}

import { Fragment, useEffect, useRef } from 'react';
import { dropTargetForElements } from '@atlaskit/pragmatic-drag-and-drop/element/adapter';

import { Button, IconButton } from '@/components/button';
import type { Project } from '@/gen/plexus/tasks/v1/tasks_pb';
import { classes } from '@/kit/classes';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { mayEnter, type Lane, type Target } from '@/stores/tasks/board';
import { State } from '@/stores/tasks/states';

import styles from './board.module.css';
import { Card } from './card';
import { columnName } from './naming';
import { useTasks } from './use-tasks';

interface Props {
  readonly project: Project;
  readonly lane: Lane;
  readonly lanes: readonly Lane[];
  /** The card in the tab order; there is one. */
  readonly activeId: string;
  readonly openId: string;
  /** Drop position of the dragged card; undefined while it is elsewhere. */
  readonly over: number | undefined;
  /** True if the dragged card may not enter. */
  readonly isClosed: boolean;
  readonly onOpen: (id: string) => void;
  readonly onMove: (taskId: string, target: Target) => void;
}

export function BoardLane(props: Props) {
  const { project, lane, lanes, activeId, openId, over, isClosed, onOpen, onMove } = props;
  const texts = useTexts('tasks');
  const { view } = useWorkspace();
  const { held, loading } = useTasks();
  const element = useRef<HTMLElement>(null);
  const { column, tasks } = lane;
  const name = columnName(column, texts);

  useEffect(() => {
    if (element.current === null) return undefined;
    return dropTargetForElements({
      element: element.current,
      getData: () => ({ columnId: column.id }),
      canDrop: ({ source }) => {
        const task = held.get(source.data.taskId as string);
        return task !== undefined && mayEnter(task, column);
      },
    });
  }, [held, column]);

  return (
    <section
      ref={element}
      className={classes(styles.lane, over !== undefined && styles.over, isClosed && styles.closed)}
      aria-label={`${name}, ${texts.column.count(tasks.length)}`}
      data-column={column.id}
    >
      <header className={styles.laneHead}>
        <i
          className={classes(styles.stateDot, styles[`state${column.state}`])}
          aria-hidden="true"
        />
        <h2>
          <bdi>{name}</bdi>
        </h2>
        <span className={styles.count} aria-hidden="true">
          {tasks.length}
          {loading.hasMore(project.id, column.id) ? '+' : ''}
        </span>
        {column.state === State.TODO ? (
          <IconButton
            icon="plus"
            label={texts.column.add(name)}
            small
            onPress={() => view.newTask.set({ projectId: project.id })}
          />
        ) : null}
      </header>
      {tasks.length === 0 && over === undefined ? (
        <p className={styles.none}>{texts.column.empty}</p>
      ) : null}
      <ol className={styles.cards}>
        {tasks.map((task, index) => (
          <Fragment key={task.id}>
            {over === index ? <li className={styles.line} aria-hidden="true" /> : null}
            <Card
              task={task}
              lanes={lanes}
              isActive={task.id === activeId}
              isOpen={task.id === openId || task.key === openId}
              onOpen={onOpen}
              onMove={onMove}
            />
          </Fragment>
        ))}
        {over === tasks.length ? <li className={styles.line} aria-hidden="true" /> : null}
      </ol>
      {loading.hasMore(project.id, column.id) ? (
        <Button look="plain" onPress={() => loading.loadLane(project.id, column.id)}>
          {texts.column.more}
        </Button>
      ) : null}
    </section>
  );
}

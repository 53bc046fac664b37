import { memo } from 'react';

import { IconButton } from '@/components/button';
import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { classes } from '@/kit/classes';
import { plainName } from '@/kit/text';
import { useTexts } from '@/messages/subjects';
import { State } from '@/stores/tasks/states';

import { Assignees } from './assignees';
import { DueLabel } from './due-label';
import styles from './list.module.css';
import { PriorityLabel } from './priority-label';
import { StateLabel } from './state-label';
import { useTasks } from './use-tasks';

interface Props {
  readonly task: Task;
  readonly isOpen: boolean;
  readonly onOpen: (id: string) => void;
  /** True to offer the next state. */
  readonly withStep?: boolean;
}

/** A task in a list; a press opens its details. */
export const TaskRow = memo(function TaskRow({ task, isOpen, onOpen, withStep = false }: Props) {
  const tasks = useTasks();
  const project = tasks.loading.project(task.projectId);
  const title = plainName(task.title);
  return (
    <li className={classes(styles.row, isOpen && styles.opened)}>
      {withStep ? <Step task={task} title={title} /> : null}
      <button
        type="button"
        className={styles.open}
        aria-current={isOpen ? 'true' : undefined}
        onClick={() => onOpen(task.id)}
      >
        <span className={styles.key}>{task.key}</span>
        <bdi className={styles.title}>{title}</bdi>
        <span className={styles.facts}>
          {project === undefined ? null : (
            <bdi className={styles.project}>{plainName(project.name)}</bdi>
          )}
          <PriorityLabel priority={task.priority} />
          <DueLabel task={task} />
          <StateLabel state={task.state} />
        </span>
        <span className={styles.who}>
          <Assignees ids={task.assigneeIds} />
        </span>
      </button>
    </li>
  );
});

function Step({ task, title }: { readonly task: Task; readonly title: string }) {
  const texts = useTexts('tasks');
  const { changing } = useTasks();
  const isBegun = task.state !== State.TODO;
  return (
    <IconButton
      icon={isBegun ? 'check' : 'play'}
      label={isBegun ? texts.myDay.done(title) : texts.myDay.start(title)}
      small
      onPress={() => void changing.setState(task, isBegun ? State.DONE : State.DOING)}
    />
  );
}

import { Waiting } from '@/components/waiting';
import { Suspense } from 'react';

import { classes } from '@/kit/classes';
import { useMedia } from '@/kit/media';
import { useMessages } from '@/messages/context';

import { LIST, useTasksAddress } from './address';
import { MyDay } from './my-day';
import { ProjectScene } from './project';
import { TaskDetail } from './task-detail';
import { TaskListScene } from './task-list-scene';
import { TasksNav } from './tasks-nav';
import styles from './tasks.module.css';
import { useTasksInStep } from './use-tasks';

// Below this width only one panel fits.
const NARROW = '(max-width: 900px)';

/** Tasks: my day, all tasks as a list, and projects, with the details of a selected task. */
export function TasksScene() {
  const messages = useMessages();
  return (
    <Suspense fallback={<Waiting title={messages.product} label={messages.starting.loading} />}>
      <Loaded />
    </Suspense>
  );
}

function Loaded() {
  useTasksInStep();
  const { place, search, closeTask } = useTasksAddress();
  const task = search.task ?? '';
  const isNarrow = useMedia(NARROW);
  if (isNarrow && task !== '')
    return <TaskDetail key={task} idOrKey={task} isAlone onClose={closeTask} />;
  return (
    <div className={classes(styles.scene, task !== '' && styles.withDetail)}>
      <TasksNav />
      <main className={styles.main} id="main">
        {place === '' ? <MyDay /> : null}
        {place === LIST ? <TaskListScene /> : null}
        {place !== '' && place !== LIST ? <ProjectScene key={place} id={place} /> : null}
      </main>
      {task === '' ? null : <TaskDetail key={task} idOrKey={task} onClose={closeTask} />}
    </div>
  );
}

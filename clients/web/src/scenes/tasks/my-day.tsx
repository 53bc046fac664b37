import { useEffect, useMemo } from 'react';

import { Button } from '@/components/button';
import { Skeleton } from '@/components/skeleton';
import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { useCell } from '@/kit/cell';
import { useNow } from '@/kit/now';
import { useLanguage } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts } from '@/messages/subjects';
import { useWorkspace } from '@/stores/context';
import { byDeadline, nearnessOf } from '@/stores/tasks/due';
import { listKey, type TaskLoading } from '@/stores/tasks/loading';
import type { TaskFilter } from '@/stores/tasks/held';
import { OPEN_STATES, State } from '@/stores/tasks/states';

import { useTasksAddress } from './address';
import { Head } from './head';
import styles from './list.module.css';
import { TaskRow } from './task-row';
import sceneStyles from './tasks.module.css';
import { useTasks } from './use-tasks';

const GROUPS = ['overdue', 'today', 'doing', 'soon', 'later'] as const;
type Group = (typeof GROUPS)[number];

/** The user's tasks by due date. */
export function MyDay() {
  const texts = useTexts('tasks');
  const { messages, format } = useLanguage();
  const { personId } = useWorkspace();
  const tasks = useTasks();
  const now = useNow();
  const { openTask, search } = useTasksAddress();
  const filter = useMemo<TaskFilter>(
    () => ({ projectId: '', assigneeId: personId, states: OPEN_STATES }),
    [personId],
  );
  const loaded = useCell(tasks.loading.state(listKey(filter)));
  useEffect(() => {
    if (loaded.state !== 'failed') loadWhole(tasks.loading, filter);
  }, [tasks, filter, loaded]);
  const groups = groupsOf(tasks.held.matching(filter), now);
  const isEmpty = GROUPS.every((group) => groups[group].length === 0);
  return (
    <>
      <Head title={texts.day} note={format.day(now, now - 3 * 86_400_000)} projectId="" />
      <div className={styles.scroll}>
        {loaded.state === 'failed' && loaded.problem !== undefined ? (
          <div className={sceneStyles.problem} role="alert">
            <p>{problemText(loaded.problem, messages, texts.reasons)}</p>
            <Button onPress={() => tasks.loading.loadList(filter)}>{texts.retry}</Button>
          </div>
        ) : null}
        {loaded.state === 'loading' && isEmpty ? <Skeleton label={texts.loading} /> : null}
        {loaded.state === 'ready' && isEmpty ? (
          <div className={styles.empty}>
            <p>{texts.myDay.empty}</p>
            <p>{texts.myDay.emptyHint}</p>
          </div>
        ) : null}
        {GROUPS.map((group) =>
          groups[group].length === 0 ? null : (
            <section key={group} className={styles.group} aria-label={texts.myDay[group]}>
              <h2>
                {texts.myDay[group]}
                <span className={styles.count}>{groups[group].length}</span>
              </h2>
              <ul className={styles.rows}>
                {groups[group].map((task) => (
                  <TaskRow
                    key={task.id}
                    task={task}
                    isOpen={search.task === task.id}
                    onOpen={openTask}
                    withStep
                  />
                ))}
              </ul>
            </section>
          ),
        )}
      </div>
    </>
  );
}

/** Load every page: an incomplete day would be wrong. */
function loadWhole(loading: TaskLoading, filter: TaskFilter): void {
  const { hasMore } = loading.list(filter);
  loading.loadList(filter, hasMore);
}

function groupsOf(tasks: readonly Task[], now: number): Readonly<Record<Group, Task[]>> {
  const groups: Record<Group, Task[]> = { overdue: [], today: [], doing: [], soon: [], later: [] };
  for (const task of [...tasks].sort(byDeadline)) groups[groupOf(task, now)].push(task);
  return groups;
}

function groupOf(task: Task, now: number): Group {
  const nearness = nearnessOf(task, now);
  if (nearness === 'overdue' || nearness === 'today') return nearness;
  if (task.state === State.DOING) return 'doing';
  return nearness === 'soon' ? 'soon' : 'later';
}

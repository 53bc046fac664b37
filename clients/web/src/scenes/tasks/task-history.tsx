import { useEffect } from 'react';

import { Button } from '@/components/button';
import type { Task, TaskChange } from '@/gen/plexus/tasks/v1/tasks_pb';
import { useCell } from '@/kit/cell';
import { useNow } from '@/kit/now';
import { excerpt } from '@/kit/text';
import { milliseconds } from '@/kit/time';
import { useLanguage } from '@/messages/context';
import { problemText } from '@/messages/problem';
import { useTexts, type Subjects } from '@/messages/subjects';
import { personName } from '@/scenes/conversations/naming';
import { useWorkspace } from '@/stores/context';

import styles from './detail.module.css';
import { dayText } from './naming';
import { useTasks } from './use-tasks';

const SHOWN = 80;
// Positions on the board, which the change of the state already implies.
const UNSHOWN = new Set(['rank', 'column_id']);
const STATES: Readonly<Record<string, number>> = {
  todo: 1,
  doing: 2,
  blocked: 3,
  done: 4,
  cancelled: 5,
};
const PRIORITIES: Readonly<Record<string, number>> = { low: 1, normal: 2, high: 3, urgent: 4 };

/** Every change of a task, newest first. */
export function TaskHistory({ task }: { readonly task: Task }) {
  const texts = useTexts('tasks');
  const { messages, format } = useLanguage();
  const { people } = useWorkspace();
  const { loading } = useTasks();
  const now = useNow();
  useCell(people.version);
  const changes = useCell(loading.history(task.id));
  const loaded = useCell(loading.state(`history:${task.id}`));
  useEffect(() => loading.loadHistory(task.id), [loading, task.id, task.version]);
  const nameOf = (id: string): string =>
    id === '' ? texts.history.nobody : personName(id, people, messages);
  const shown = changes.filter(({ field }) => !UNSHOWN.has(field)).reverse();
  return (
    <section className={styles.history} aria-label={texts.detail.history}>
      <div className={styles.sectionHead}>
        <h2>{texts.detail.history}</h2>
      </div>
      {loaded.state === 'failed' && loaded.problem !== undefined ? (
        <div role="alert">
          <p>{problemText(loaded.problem, messages, texts.reasons)}</p>
          <Button onPress={() => loading.loadHistory(task.id)}>{texts.retry}</Button>
        </div>
      ) : null}
      <ol className={styles.changes}>
        {shown.map((change) => {
          const at = milliseconds(change.at);
          return (
            <li key={`${change.version}-${change.field}`}>
              <bdi className={styles.actor}>{nameOf(change.actorId)}</bdi>{' '}
              {wordsOf(change, texts, {
                nameOf,
                day: (day) =>
                  dayText(day.slice(0, 10), { format, texts, now }) +
                  (day.length > 10 ? ` ${format.time(Date.parse(day))}` : ''),
                separator: messages.timeline.listSeparator,
              })}
              <time dateTime={new Date(at).toISOString()} title={format.full(at)}>
                {format.recent(at, now)}
              </time>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

interface Naming {
  readonly nameOf: (id: string) => string;
  readonly day: (day: string) => string;
  readonly separator: string;
}

function wordsOf(
  { field, fromValue, toValue }: TaskChange,
  texts: Subjects['tasks'],
  { nameOf, day, separator }: Naming,
): string {
  const { history } = texts;
  const state = (name: string): string => texts.state[STATES[name] ?? 0] ?? name;
  const priority = (name: string): string => texts.priority[PRIORITIES[name] ?? 0] ?? name;
  switch (field) {
    case 'created':
      return history.created;
    case 'title':
      return history.title(excerpt(toValue, SHOWN));
    case 'description':
      return history.description;
    case 'state':
      return history.state(state(fromValue), state(toValue));
    case 'priority':
      return history.priority(priority(fromValue), priority(toValue));
    case 'owner_id':
      return history.owner(nameOf(toValue));
    case 'assignee_ids':
      return toValue === ''
        ? history.noAssignees
        : history.assignees(toValue.split(',').map(nameOf).join(separator));
    case 'due':
      return toValue === '' ? history.noDue : history.due(day(toValue));
    case 'overdue':
      return history.overdue;
    default:
      return field;
  }
}

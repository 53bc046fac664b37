import type { BoardColumn, Due } from '@/gen/plexus/tasks/v1/tasks_pb';
import { dayOf, milliseconds } from '@/kit/time';
import type { Format } from '@/messages/format';
import type { Subjects } from '@/messages/subjects';
import { dayDue, dateName } from '@/stores/tasks/due';

type Texts = Subjects['tasks'];

// The default columns of every project; the server names them in English.
const FIRST_NAMES: Readonly<Record<string, string>> = {
  todo: 'To do',
  doing: 'Doing',
  blocked: 'Blocked',
  done: 'Done',
};

/** Return the name of a column; a default one is named after its state. */
export function columnName({ id, name, state }: BoardColumn, texts: Texts): string {
  return FIRST_NAMES[id] === name ? (texts.state[state] ?? name) : name;
}

/** Return a short text for the due date of a task. */
export function dueText(
  due: Due | undefined,
  { format, texts, now }: { format: Format; texts: Texts; now: number },
): string {
  const day = dayDue(due);
  if (day === '') return texts.due.none;
  const time = due?.due.case === 'at' ? ` ${format.time(milliseconds(due.due.value))}` : '';
  return dayText(day, { format, texts, now }) + time;
}

/** Return a `YYYY-MM-DD` as text. */
export function dayText(
  day: string,
  { format, texts, now }: { format: Format; texts: Texts; now: number },
): string {
  if (day === dateName(now)) return texts.due.today;
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const at = new Date(year, month - 1, date).getTime();
  const tomorrow = dayOf(dayOf(now) + 36 * 3_600_000);
  return at === tomorrow ? texts.due.tomorrow : format.shortDate(at, now);
}

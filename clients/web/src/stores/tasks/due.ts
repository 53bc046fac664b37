import type { Due, Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { milliseconds } from '@/kit/time';

import { isOpen } from './states';

/** Urgency of a due date. */
export type Nearness = 'overdue' | 'today' | 'soon' | 'later' | 'none';

const DAY_MS = 86_400_000;
const SOON_DAYS = 7;

/** Return the instant at which a task becomes overdue; a day ends at local midnight (TSK-3). */
export function deadlineOf(due: Due | undefined): number | undefined {
  if (due?.due.case === 'at') return milliseconds(due.due.value);
  if (due?.due.case !== 'date') return undefined;
  const [year = 0, month = 1, day = 1] = due.due.value.split('-').map(Number);
  return new Date(year, month - 1, day + 1).getTime();
}

/** Return the local due day of a task as `YYYY-MM-DD`; empty for none. */
export function dayDue(due: Due | undefined): string {
  if (due?.due.case === 'date') return due.due.value;
  return due?.due.case === 'at' ? dateName(milliseconds(due.due.value)) : '';
}

export function nearnessOf(task: Task, now: number): Nearness {
  const deadline = deadlineOf(task.due);
  if (deadline === undefined || !isOpen(task.state)) return 'none';
  if (deadline <= now) return 'overdue';
  const day = dayDue(task.due);
  if (day === dateName(now)) return 'today';
  return deadline < now + SOON_DAYS * DAY_MS ? 'soon' : 'later';
}

export function dateName(time: number): string {
  const date = new Date(time);
  const part = (value: number): string => `${value}`.padStart(2, '0');
  return `${date.getFullYear()}-${part(date.getMonth() + 1)}-${part(date.getDate())}`;
}

/** Order by deadline, tasks without one last; then by priority. */
export function byDeadline(one: Task, other: Task): number {
  const first = deadlineOf(one.due) ?? Infinity;
  const second = deadlineOf(other.due) ?? Infinity;
  if (first !== second) return first < second ? -1 : 1;
  return other.priority - one.priority || (one.id < other.id ? -1 : 1);
}

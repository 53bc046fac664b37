import type { Task } from '@/gen/plexus/tasks/v1/tasks_pb';
import { Cell } from '@/kit/cell';
import { milliseconds } from '@/kit/time';

import { isOpen, type State } from './states';

/** Filter of a task list; empty fields do not narrow it. */
export interface TaskFilter {
  readonly projectId: string;
  readonly assigneeId: string;
  readonly states: readonly State[];
}

interface Held {
  readonly task: Task;
  /** False for tasks from boards, which omit descriptions. */
  readonly whole: boolean;
}

/** The tasks loaded in this tab, merged by version: the order of responses does not matter. */
export class HeldTasks {
  /** Incremented by every change. */
  readonly version = new Cell(0);
  readonly #tasks = new Map<string, Held>();

  get(idOrKey: string): Task | undefined {
    const known = this.#tasks.get(idOrKey);
    if (known !== undefined) return known.task;
    for (const { task } of this.#tasks.values()) if (task.key === idOrKey) return task;
    return undefined;
  }

  /** Return whether a task is loaded with its description. */
  isWhole(id: string): boolean {
    return this.#tasks.get(id)?.whole === true;
  }

  all(): Task[] {
    return [...this.#tasks.values()].map(({ task }) => task);
  }

  matching(filter: TaskFilter): Task[] {
    return this.all().filter((task) => matches(task, filter));
  }

  /**
   * Merge tasks of a response; the same or an older version has no effect.
   *
   * Returns: whether any of them was new.
   */
  merge(tasks: readonly Task[], whole: boolean): boolean {
    let isNews = false;
    let isChanged = false;
    for (const task of tasks) {
      const known = this.#tasks.get(task.id);
      const isSame = known?.task.version === task.version;
      if (known !== undefined && known.task.version > task.version) continue;
      if (isSame && (known.whole || !whole)) continue;
      // Until the newer description is fetched, the previous one is better than none.
      const description = whole ? task.description : (known?.task.description ?? '');
      this.#tasks.set(task.id, { task: { ...task, description }, whole });
      isNews ||= !isSame;
      isChanged = true;
    }
    if (isChanged) this.version.update((version) => version + 1);
    return isNews;
  }

  remove(id: string): void {
    if (this.#tasks.delete(id)) this.version.update((version) => version + 1);
  }
}

export function matches(task: Task, { projectId, assigneeId, states }: TaskFilter): boolean {
  return (
    (projectId === '' || task.projectId === projectId) &&
    (assigneeId === '' || task.assigneeIds.includes(assigneeId)) &&
    (states.length === 0 || states.includes(task.state))
  );
}

/** Order as the server does: most recently changed first. */
export function lastChangedFirst(one: Task, other: Task): number {
  const by = milliseconds(other.updatedAt) - milliseconds(one.updatedAt);
  return by === 0 ? (one.id < other.id ? 1 : -1) : by;
}

export function openOnes(tasks: readonly Task[]): Task[] {
  return tasks.filter(({ state }) => isOpen(state));
}

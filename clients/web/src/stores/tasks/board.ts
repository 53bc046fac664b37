import type { BoardColumn, Project, Task } from '@/gen/plexus/tasks/v1/tasks_pb';

import { canFollow, type State } from './states';

/** A position on the board: directly after a task, or at the top for an empty id. */
export interface Target {
  readonly columnId: string;
  readonly state: State;
  readonly afterTaskId: string;
}

/** A move that is shown but not confirmed yet. */
export interface Move extends Target {
  readonly taskId: string;
}

export interface Lane {
  readonly column: BoardColumn;
  readonly tasks: readonly Task[];
}

export type Direction = 'up' | 'down' | 'left' | 'right';

/** Arrange the tasks of a project in columns by rank, with pending moves applied. */
export function lanesOf(
  project: Project,
  tasks: Iterable<Task>,
  moves: readonly Move[],
): readonly Lane[] {
  const moved = new Set(moves.map(({ taskId }) => taskId));
  const lanes = new Map<string, Task[]>(project.columns.map(({ id }) => [id, []]));
  const byId = new Map<string, Task>();
  for (const task of tasks) {
    if (task.projectId !== project.id) continue;
    byId.set(task.id, task);
    if (!moved.has(task.id)) lanes.get(task.columnId)?.push(task);
  }
  for (const lane of lanes.values()) lane.sort(byRank);
  for (const { taskId, columnId, state, afterTaskId } of moves) {
    const task = byId.get(taskId);
    const lane = lanes.get(columnId);
    if (task === undefined || lane === undefined) continue;
    const after = lane.findIndex(({ id }) => id === afterTaskId);
    const index = afterTaskId === '' ? 0 : after < 0 ? lane.length : after + 1;
    lane.splice(index, 0, { ...task, columnId, state });
  }
  return project.columns.map((column) => ({ column, tasks: lanes.get(column.id) ?? [] }));
}

/** Return whether a task may be put into a column. */
export function mayEnter(task: Task, column: BoardColumn): boolean {
  return canFollow(task.state, column.state);
}

/** Return the position at an index of a column, counted without the moved task. */
export function targetAt(lane: Lane, index: number, taskId: string): Target {
  const others = lane.tasks.filter(({ id }) => id !== taskId);
  const at = Math.max(0, Math.min(index, others.length));
  const { id, state } = lane.column;
  return { columnId: id, state, afterTaskId: others[at - 1]?.id ?? '' };
}

/**
 * Return the target of a step: up and down within the column, left and right to the nearest column
 * that the task may enter, at about the same height. Undefined at an edge.
 */
export function stepTarget(
  lanes: readonly Lane[],
  taskId: string,
  direction: Direction,
): Target | undefined {
  const at = lanes.findIndex(({ tasks }) => tasks.some(({ id }) => id === taskId));
  const lane = lanes[at];
  const index = lane?.tasks.findIndex(({ id }) => id === taskId) ?? -1;
  const task = lane?.tasks[index];
  if (lane === undefined || task === undefined) return undefined;
  if (direction === 'up') return index === 0 ? undefined : targetAt(lane, index - 1, taskId);
  if (direction === 'down')
    return index === lane.tasks.length - 1 ? undefined : targetAt(lane, index + 1, taskId);
  const by = direction === 'left' ? -1 : 1;
  for (let next = at + by; next >= 0 && next < lanes.length; next += by) {
    const candidate = lanes[next];
    if (candidate !== undefined && mayEnter(task, candidate.column))
      return targetAt(candidate, index, taskId);
  }
  return undefined;
}

/** Compare ranks unit by unit, as the server does (TSK-6). */
export function byRank(one: Task, other: Task): number {
  if (one.rank === other.rank) return one.id < other.id ? -1 : 1;
  return one.rank < other.rank ? -1 : 1;
}

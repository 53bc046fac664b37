import { Task_State as State } from '@/gen/plexus/tasks/v1/tasks_pb';

export { State };

/** Display order of states. */
export const STATES = [
  State.TODO,
  State.DOING,
  State.BLOCKED,
  State.DONE,
  State.CANCELLED,
] as const;

export const OPEN_STATES: readonly State[] = [State.TODO, State.DOING, State.BLOCKED];

// TSK-1. The server decides; this prevents the client from offering moves that it refuses.
const FOLLOWING: Readonly<Record<State, readonly State[]>> = {
  [State.UNSPECIFIED]: [],
  [State.TODO]: [State.DOING, State.CANCELLED],
  [State.DOING]: [State.TODO, State.BLOCKED, State.DONE, State.CANCELLED],
  [State.BLOCKED]: [State.TODO, State.DOING, State.DONE, State.CANCELLED],
  [State.DONE]: [State.DOING],
  [State.CANCELLED]: [State.TODO],
};

/** Return whether a task may change from one state to another; staying is always allowed. */
export function canFollow(source: State, target: State): boolean {
  return source === target || FOLLOWING[source].includes(target);
}

export function isOpen(state: State): boolean {
  return OPEN_STATES.includes(state);
}

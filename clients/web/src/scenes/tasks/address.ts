import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';

import { OPEN_STATES, STATES, type State } from '@/stores/tasks/states';
import type { TaskFilter } from '@/stores/tasks/held';

/** The place of all tasks; the others are my day (empty) and the id of a project. */
export const LIST = 'list';
export const ANYONE = 'anyone';
export const ANY_STATE = 'any';
export const OPEN = 'open';

/** The part of the address after the question mark. */
export interface TasksSearch {
  /** `list`: a project as a list; otherwise as a board. */
  readonly view?: string;
  /** Id or key of the task whose details are open. */
  readonly task?: string;
  readonly who?: string;
  readonly state?: string;
  readonly project?: string;
}

/** The current place among the tasks, and navigation to others. */
export interface TasksAddress {
  /** Empty for my day. */
  readonly place: string;
  readonly search: TasksSearch;
  readonly go: (place: string, search?: TasksSearch) => void;
  /** Change a part of the address and keep the rest. */
  readonly change: (search: TasksSearch) => void;
  readonly openTask: (id: string) => void;
  readonly closeTask: () => void;
}

export function useTasksAddress(): TasksAddress {
  const navigate = useNavigate();
  const place = useParams({ strict: false }).place ?? '';
  const search: TasksSearch = useSearch({ strict: false });
  const go = useCallback(
    (to: string, next: TasksSearch = {}) =>
      void (to === ''
        ? navigate({ to: '/tasks', search: next })
        : navigate({ to: '/tasks/$place', params: { place: to }, search: next })),
    [navigate],
  );
  return useMemo(() => {
    const change = (next: TasksSearch): void => go(place, { ...search, ...next });
    return {
      place,
      search,
      go,
      change,
      openTask: (id) => change({ task: id }),
      closeTask: () => go(place, without(search, 'task')),
    };
  }, [place, search, go]);
}

function without(search: TasksSearch, key: keyof TasksSearch): TasksSearch {
  return Object.fromEntries(Object.entries(search).filter(([name]) => name !== key));
}

/** Return the filter of an address: by default open tasks of the user. */
export function filterOf(place: string, search: TasksSearch, personId: string): TaskFilter {
  const isProject = place !== LIST && place !== '';
  const who = search.who ?? (isProject ? ANYONE : personId);
  return {
    projectId: isProject ? place : (search.project ?? ''),
    assigneeId: who === ANYONE ? '' : who,
    states: statesOf(search.state ?? OPEN),
  };
}

function statesOf(name: string): readonly State[] {
  if (name === ANY_STATE) return [];
  const state = STATES.find((one) => `${one}` === name);
  return state === undefined ? OPEN_STATES : [state];
}

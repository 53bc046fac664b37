import { describe, expect, it } from 'vitest';

import { lanesOf, stepTarget, targetAt, type Lane, type Move } from '@/stores/tasks/board';
import { canFollow, State, STATES } from '@/stores/tasks/states';

import { PROJECT, task } from './model';

const TASKS = [
  task('b'),
  task('a'),
  task('Z'),
  task('d', { state: State.DOING }),
  task('x', { state: State.DONE }),
  task('gone', { state: State.CANCELLED }),
  task('other', { projectId: 'prj_2' }),
];

function shown(lanes: readonly Lane[]): Record<string, string[]> {
  return Object.fromEntries(
    lanes.map(({ column, tasks }) => [column.id, tasks.map(({ id }) => id)]),
  );
}

function moved(...moves: Move[]): Record<string, string[]> {
  return shown(lanesOf(PROJECT, TASKS, moves));
}

describe('a board', () => {
  it('orders cards by rank, unit by unit as the server does', () => {
    expect(moved()).toEqual({ todo: ['Z', 'a', 'b'], doing: ['d'], blocked: [], done: ['x'] });
  });

  it('shows a move before it is answered', () => {
    const move = { taskId: 'a', columnId: 'doing', state: State.DOING, afterTaskId: 'd' };
    expect(moved(move)).toMatchObject({ todo: ['Z', 'b'], doing: ['d', 'a'] });
    expect(moved({ ...move, afterTaskId: '' })).toMatchObject({ doing: ['a', 'd'] });
  });

  it('keeps the order of several moves to one place', () => {
    const to = { columnId: 'doing', state: State.DOING };
    const moves = [
      { ...to, taskId: 'a', afterTaskId: '' },
      { ...to, taskId: 'b', afterTaskId: 'a' },
    ];
    expect(moved(...moves)).toMatchObject({ todo: ['Z'], doing: ['a', 'b', 'd'] });
  });

  it('puts a card last when its neighbour has gone', () => {
    const move = { taskId: 'a', columnId: 'doing', state: State.DOING, afterTaskId: 'x' };
    expect(moved(move)).toMatchObject({ doing: ['d', 'a'] });
  });
});

describe('a step', () => {
  const lanes = lanesOf(PROJECT, TASKS, []);

  it('goes up and down within the column and stops at its ends', () => {
    expect(stepTarget(lanes, 'a', 'up')).toMatchObject({ columnId: 'todo', afterTaskId: '' });
    expect(stepTarget(lanes, 'a', 'down')).toMatchObject({ columnId: 'todo', afterTaskId: 'b' });
    expect(stepTarget(lanes, 'Z', 'up')).toBeUndefined();
    expect(stepTarget(lanes, 'b', 'down')).toBeUndefined();
  });

  it('goes to the nearest column that the task may enter', () => {
    expect(stepTarget(lanes, 'a', 'right')).toMatchObject({ columnId: 'doing', afterTaskId: 'd' });
    expect(stepTarget(lanes, 'd', 'right')).toMatchObject({ columnId: 'blocked', afterTaskId: '' });
    // Done can only go back to doing: the column between them is skipped.
    expect(stepTarget(lanes, 'x', 'left')).toMatchObject({ columnId: 'doing', afterTaskId: '' });
    expect(stepTarget(lanes, 'x', 'right')).toBeUndefined();
  });

  it('counts places without the card that moves', () => {
    const [todo] = lanes;
    expect(targetAt(todo!, 2, 'Z').afterTaskId).toBe('b');
    expect(targetAt(todo!, 0, 'Z').afterTaskId).toBe('');
    expect(targetAt(todo!, 99, 'x').afterTaskId).toBe('b');
  });
});

describe('states', () => {
  it('follow each other as TSK-1 says', () => {
    const following = (source: State): State[] =>
      STATES.filter((target) => target !== source && canFollow(source, target));
    expect(following(State.TODO)).toEqual([State.DOING, State.CANCELLED]);
    expect(following(State.DOING)).toEqual([
      State.TODO,
      State.BLOCKED,
      State.DONE,
      State.CANCELLED,
    ]);
    expect(following(State.BLOCKED)).toEqual([
      State.TODO,
      State.DOING,
      State.DONE,
      State.CANCELLED,
    ]);
    expect(following(State.DONE)).toEqual([State.DOING]);
    expect(following(State.CANCELLED)).toEqual([State.TODO]);
  });
});

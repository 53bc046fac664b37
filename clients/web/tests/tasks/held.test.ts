import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { describe, expect, it } from 'vitest';

import { DueSchema, type Due } from '@/gen/plexus/tasks/v1/tasks_pb';
import { byDeadline, dateName, deadlineOf, nearnessOf } from '@/stores/tasks/due';
import { HeldTasks, lastChangedFirst } from '@/stores/tasks/held';
import { State } from '@/stores/tasks/states';

import { task } from './model';

describe('held tasks', () => {
  it('are the same whatever order the answers come in', () => {
    const versions = [1n, 2n, 3n].map((version) => task('a', { version, title: `v${version}` }));
    const orders = [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
      [2, 0, 1, 2],
    ];
    for (const order of orders) {
      const held = new HeldTasks();
      for (const index of order) held.merge([versions[index]!], true);
      expect(held.get('a')?.title).toBe('v3');
    }
  });

  it('keep a description that a board leaves out', () => {
    const held = new HeldTasks();
    held.merge([task('a', { description: 'why' })], true);
    held.merge([task('a')], false);
    expect(held.get('a')?.description).toBe('why');
    expect(held.isWhole('a')).toBe(true);
    held.merge([task('a', { version: 2n })], false);
    expect(held.get('a')?.description).toBe('why');
    expect(held.isWhole('a')).toBe(false);
    held.merge([task('a', { version: 2n, description: 'because' })], true);
    expect(held.get('a')?.description).toBe('because');
  });

  it('say when there is news, and stay silent otherwise', () => {
    const held = new HeldTasks();
    expect(held.merge([task('a')], true)).toBe(true);
    const version = held.version.get();
    expect(held.merge([task('a')], true)).toBe(false);
    expect(held.version.get()).toBe(version);
  });

  it('are found by key, and by filter', () => {
    const held = new HeldTasks();
    const mine = task('a', { assigneeIds: ['me'] });
    held.merge([mine, task('b', { state: State.DONE, assigneeIds: ['me'] }), task('c')], true);
    expect(held.get('B')?.id).toBe('b');
    const filter = { projectId: '', assigneeId: 'me', states: [State.TODO] };
    expect(held.matching(filter).map(({ id }) => id)).toEqual(['a']);
    expect(held.matching({ ...filter, projectId: 'prj_2' })).toEqual([]);
    expect(held.matching({ projectId: '', assigneeId: '', states: [] })).toHaveLength(3);
  });

  it('are listed last changed first', () => {
    const tasks = [5_000, 9_000, 7_000].map((at) =>
      task(`t${at}`, { updatedAt: timestampFromMs(at) }),
    );
    expect(tasks.sort(lastChangedFirst).map(({ id }) => id)).toEqual(['t9000', 't7000', 't5000']);
  });
});

describe('due dates', () => {
  const noon = new Date(2026, 2, 10, 12).getTime();
  const on = (date: string): Due => create(DueSchema, { due: { case: 'date', value: date } });
  const at = (time: number): Due =>
    create(DueSchema, { due: { case: 'at', value: timestampFromMs(time) } });

  it('end with their day', () => {
    expect(deadlineOf(on('2026-03-31'))).toBe(new Date(2026, 3, 1).getTime());
    expect(deadlineOf(at(noon))).toBe(noon);
    expect(deadlineOf(undefined)).toBeUndefined();
    expect(dateName(noon)).toBe('2026-03-10');
  });

  it.each([
    ['2026-03-09', 'overdue'],
    ['2026-03-10', 'today'],
    ['2026-03-11', 'soon'],
    ['2026-03-30', 'later'],
  ])('on %s are %s', (date, nearness) => {
    expect(nearnessOf(task('a', { due: on(date) }), noon)).toBe(nearness);
  });

  it('do not matter once a task is done, and pass by the minute where they have one', () => {
    expect(nearnessOf(task('a', { due: on('2026-03-09'), state: State.DONE }), noon)).toBe('none');
    expect(nearnessOf(task('a', { due: at(noon) }), noon)).toBe('overdue');
    expect(nearnessOf(task('a', { due: at(noon + 1) }), noon)).toBe('today');
    expect(nearnessOf(task('a'), noon)).toBe('none');
  });

  it('order tasks, those without one last', () => {
    const tasks = [task('a'), task('b', { due: on('2026-03-12') }), task('c', { due: at(noon) })];
    expect(tasks.sort(byDeadline).map(({ id }) => id)).toEqual(['c', 'b', 'a']);
  });
});

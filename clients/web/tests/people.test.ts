import { describe, expect, it } from 'vitest';

import { linksIn } from '@/kit/links';
import { rowsOf, treeOf } from '@/kit/tree';
import { clockIn, USUAL_HOURS, workAt, type Hours } from '@/kit/working-hours';

describe('a clock in a zone', () => {
  // A Tuesday.
  const at = Date.UTC(2026, 2, 10, 22, 30);

  it('shows day and minute there', () => {
    expect(clockIn('UTC', at)).toEqual({ weekday: 2, minute: 22 * 60 + 30 });
    expect(clockIn('Asia/Shanghai', at)).toEqual({ weekday: 3, minute: 6 * 60 + 30 });
    expect(clockIn('America/New_York', at)).toEqual({ weekday: 2, minute: 18 * 60 + 30 });
  });

  it('counts midnight as the beginning of a day', () => {
    expect(clockIn('UTC', Date.UTC(2026, 2, 10))).toEqual({ weekday: 2, minute: 0 });
  });

  it('does not fail for a zone that the browser does not know', () => {
    expect(clockIn('Mars/Olympus', at).weekday).toBeGreaterThan(0);
  });
});

describe('working hours', () => {
  it.each([
    [1, 540, true, { weekday: 1, minute: 720 }],
    [1, 720, false, { weekday: 1, minute: 810 }],
    [1, 1080, false, { weekday: 2, minute: 540 }],
    [5, 1081, false, { weekday: 1, minute: 540 }],
    [7, 600, false, { weekday: 1, minute: 540 }],
  ])('day %i, minute %i', (weekday, minute, isWorking, changes) => {
    expect(workAt(USUAL_HOURS, { weekday, minute })).toEqual({ isWorking, changes });
  });

  it('go on after midnight, and from Sunday to Monday', () => {
    const nights: Hours = { weekdays: [7], windows: [{ startMinute: 1320, endMinute: 360 }] };
    expect(workAt(nights, { weekday: 1, minute: 100 })).toEqual({
      isWorking: true,
      changes: { weekday: 1, minute: 360 },
    });
    expect(workAt(nights, { weekday: 1, minute: 360 })).toEqual({
      isWorking: false,
      changes: { weekday: 7, minute: 1320 },
    });
  });

  it('without windows never begin', () => {
    const none = { weekdays: [1], windows: [] };
    expect(workAt(none, { weekday: 1, minute: 600 })).toEqual({
      isWorking: false,
      changes: undefined,
    });
  });
});

describe('a tree', () => {
  const items = [
    { id: 'b', parentId: 'root', name: '部门 10' },
    { id: 'a', parentId: 'root', name: '部门 2' },
    { id: 'root', parentId: '', name: '公司' },
    { id: 'c', parentId: 'b', name: '小组' },
    { id: 'lost', parentId: 'unseen', name: '其他' },
  ];

  it('orders by name with numbers as numbers, and keeps what has no known parent', () => {
    const tree = treeOf(items, 'zh-CN');
    const all = new Set(items.map(({ id }) => id));
    const rows = rowsOf(tree, all).map(({ item, depth }) => [item.id, depth]);
    expect(rows).toContainEqual(['lost', 0]);
    expect(rows.filter(([id]) => id !== 'lost')).toEqual([
      ['root', 0],
      ['a', 1],
      ['b', 1],
      ['c', 2],
    ]);
  });

  it('shows what is below open nodes alone', () => {
    const rows = rowsOf(treeOf(items, 'zh-CN'), new Set(['root']));
    expect(rows.map(({ item }) => item.id)).not.toContain('c');
  });
});

describe('links in a text', () => {
  const addresses = (text: string): (string | undefined)[] =>
    linksIn(text).flatMap(({ address }) => (address === undefined ? [] : [address]));

  it('end before the punctuation of their sentence', () => {
    expect(addresses('见 https://a.example/x?y=1。然后 (http://b.example/).')).toEqual([
      'https://a.example/x?y=1',
      'http://b.example/',
    ]);
  });

  it('give the same text again', () => {
    const text = '一 https://a.example/，二\nhttp://\njavascript:alert(1)';
    expect(
      linksIn(text)
        .map((part) => part.text)
        .join(''),
    ).toBe(text);
  });

  it('are of the web alone', () => {
    expect(addresses('javascript:alert(1) data:text/html,x file:///etc')).toEqual([]);
  });
});

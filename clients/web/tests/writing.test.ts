import { describe, expect, it } from 'vitest';

import { localMinute, mondayMorning, timeOf, tomorrowMorning } from '@/kit/local-time';
import { codeBlockOf, longLines, tableOf } from '@/kit/pasting';
import { readMarkdown } from '@/kit/markdown-read';
import { blocksOf } from '@/kit/rich-text';
import { linksOf } from '@/kit/shared-links';

describe('what is pasted', () => {
  it('becomes a table when it comes from a spreadsheet', () => {
    const table = tableOf('名称\t数量\r\n螺丝 | M4\t12\r\n');
    expect(table).toBe('| 名称 | 数量 |\n| --- | --- |\n| 螺丝 ｜ M4 | 12 |');
    const written = readMarkdown(table ?? '');
    expect(blocksOf(written.text, written.spans)[0]?.kind).toBe('table');
  });

  it.each(['one line\twith a tab', 'a\tb\nc', 'plain', '', 'a\nb'])('is left alone: %s', (text) => {
    expect(tableOf(text)).toBeUndefined();
  });

  it('is long from eight lines on, and fits into a code block whatever it holds', () => {
    expect(longLines('x\n'.repeat(7))).toBe(0);
    expect(longLines('x\n'.repeat(8))).toBe(8);
    const source = '```\n*a*\n```\n````';
    const { text, spans } = readMarkdown(codeBlockOf(source).trim());
    expect(text).toBe(source);
    expect(spans).toHaveLength(1);
  });
});

describe('times of the day', () => {
  const friday = new Date(2026, 10, 27, 15, 30).getTime();

  it('are written and read as inputs do', () => {
    expect(localMinute(friday)).toBe('2026-11-27T15:30');
    expect(timeOf('2026-11-27T15:30')).toBe(friday);
    expect(timeOf('2026-11-27')).toBe(new Date(2026, 10, 27).getTime());
    expect(timeOf('')).toBeUndefined();
  });

  it.each([
    [27, 30],
    [29, 30],
    [30, 37],
  ])('the Monday after the %dth is the %dth', (day, monday) => {
    const now = new Date(2026, 10, day, 8).getTime();
    expect(mondayMorning(now)).toBe(new Date(2026, 10, monday, 9).getTime());
  });

  it('tomorrow is the next day of the calendar', () => {
    expect(localMinute(tomorrowMorning(friday))).toBe('2026-11-28T09:00');
  });
});

describe('links of a message', () => {
  it('are those that may be followed, each once', () => {
    const link = (start: number, value: string) => ({
      start,
      length: 1,
      meaning: { case: 'link', value },
    });
    const found = linksOf({
      text: '👍ab',
      spans: [
        link(1, 'https://a.example'),
        link(2, 'https://a.example'),
        link(2, 'javascript:alert(1)'),
      ],
      attachments: [
        { name: 'plan', url: 'https://b.example/plan' },
        { name: 'bad', url: 'data:text/html,x' },
      ],
    });
    expect(found).toEqual([
      { address: 'https://a.example', label: 'a' },
      { address: 'https://b.example/plan', label: 'plan' },
    ]);
  });
});

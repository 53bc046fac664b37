import { describe, expect, it } from 'vitest';

import { markdownOf } from '@/kit/markdown';
import { readMarkdown } from '@/kit/markdown-read';
import { blocksOf, type Block } from '@/kit/rich-text';

/** Return the text of a source and its spans as `kind:marked text`. */
function read(source: string): [string, string[]] {
  const { text, spans } = readMarkdown(source);
  const points = Array.from(text);
  const shown = spans.map(({ start, length, meaning }) => {
    const words = points.slice(start, start + length).join('');
    const value = meaning.value === true ? '' : `=${String(meaning.value)}`;
    return `${meaning.case ?? ''}${value}:${words}`;
  });
  return [text, shown.sort()];
}

describe('markdown before the server has read it', () => {
  it.each([
    ['**重点：**后文', '重点：后文', ['bold:重点：']],
    ['a *b* c', 'a b c', ['italic:b']],
    ['***a***', 'a', ['bold:a', 'italic:a']],
    ['snake_case_name', 'snake_case_name', []],
    ['~~x~~ ~y~', 'x ~y~', ['strike:x']],
    ['2 * 3 * 4', '2 * 3 * 4', []],
    ['`a * b` *c*', 'a * b c', ['code:a * b', 'italic:c']],
    ['`` a`b ``', 'a`b', ['code:a`b']],
    ['\\*a\\*', '*a*', []],
    ['[site](https://a.example/x)', 'site', ['link=https://a.example/x:site']],
    ['[x](javascript:alert(1))', '[x](javascript:alert(1))', []],
    [
      'see https://a.example/x.',
      'see https://a.example/x.',
      ['link=https://a.example/x:https://a.example/x'],
    ],
    [
      '<@per_1|@林\\>薇> <!all|@所有人>',
      '@林>薇 @所有人',
      ['mentionAll:@所有人', 'mentionPersonId=per_1:@林>薇'],
    ],
    ['> a\n> b\nc', 'a\nb\nc', ['quote:a\nb']],
    ['```Python\n> *x*\n```', '> *x*', ['codeBlock=python:> *x*']],
    ['👍🏽 **b**', '👍🏽 b', ['bold:b']],
    ['[**b**](https://a.example)', 'b', ['bold:b', 'link=https://a.example:b']],
    ['<b>x</b>', '<b>x</b>', []],
    ['**a', '**a', []],
    ['**a\n\nb**', '**a\n\nb**', []],
    [
      '[https://a.example](https://b.example)',
      'https://a.example (https://b.example)',
      ['link=https://b.example:https://b.example'],
    ],
    ['[](https://a.example)', 'https://a.example', ['link=https://a.example:https://a.example']],
    ['https://a.example@b.example/x', 'https://a.example@b.example/x', []],
    [
      '(https://a.example/a(b))',
      '(https://a.example/a(b))',
      ['link=https://a.example/a(b):https://a.example/a(b)'],
    ],
    ['> <@per_1|@林>', '@林', ['quote:@林']],
    ['```\nopen', 'open', ['codeBlock=text:open']],
  ])('reads %s', (source, text, spans) => {
    expect(read(source)).toEqual([text, [...spans].sort()]);
  });

  it.each(['**a *b* c**', '> q\n\n`c` [l](https://a.example)', '```ts\nx\n```', '\\*x'])(
    'gives the same text again after editing %s',
    (source) => {
      const first = readMarkdown(source);
      expect(readMarkdown(markdownOf(first.text, first.spans))).toEqual(first);
    },
  );

  it('takes no more than a moment for hostile texts', () => {
    const began = performance.now();
    for (const source of [
      '*a_ '.repeat(2_000),
      '['.repeat(5_000),
      '[a]('.repeat(2_000),
      '`'.repeat(1_000) + ' `'.repeat(1_000),
      '**'.repeat(5_000),
      '> '.repeat(5_000),
      '<@'.repeat(5_000),
    ])
      readMarkdown(source);
    expect(performance.now() - began).toBeLessThan(4_000);
  });
});

function kinds(blocks: readonly Block[]): string[] {
  return blocks.map((block) => block.kind);
}

describe('lists and tables', () => {
  it('are made of neighbouring lines', () => {
    const blocks = blocksOf('before\n- a\n  - b\n- c\n\n2. x\n3. y\nafter', []);
    expect(kinds(blocks)).toEqual(['paragraph', 'list', 'list', 'paragraph']);
    expect(blocks[1]).toEqual({
      kind: 'list',
      isOrdered: false,
      start: 1,
      entries: [
        { depth: 0, parts: [{ kind: 'text', text: 'a', styles: [] }] },
        { depth: 1, parts: [{ kind: 'text', text: 'b', styles: [] }] },
        { depth: 0, parts: [{ kind: 'text', text: 'c', styles: [] }] },
      ],
    });
    expect(blocks[2]).toMatchObject({ isOrdered: true, start: 2 });
  });

  it.each(['-a', '- ', '1.5 kg', '12345678. x', 'a - b', '----'])('are not made of %s', (text) => {
    expect(kinds(blocksOf(text, []))).toEqual(['paragraph']);
  });

  it('divide columns at bars that are not in code', () => {
    const text = '| a | b |\n|---|:-:|\n| x|y | z |\n| 1 |';
    const code = { start: 22, length: 3, meaning: { case: 'code', value: true } };
    const [table] = blocksOf(text, [code]);
    expect(table?.kind).toBe('table');
    const rows = table?.kind === 'table' ? table.rows : [];
    expect(
      rows.map((row) => row.map((cell) => cell.map((part) => 'text' in part && part.text))),
    ).toEqual([[['a'], ['b']], [['x|y'], ['z']], [['1']]]);
  });

  it('need a line under the head', () => {
    expect(kinds(blocksOf('| a | b |\n| c | d |', []))).toEqual(['paragraph']);
  });

  it('keep links and styles inside', () => {
    const spans = [{ start: 2, length: 1, meaning: { case: 'bold', value: true } }];
    expect(blocksOf('- x y', spans)[0]).toMatchObject({
      entries: [
        {
          parts: [
            { text: 'x', styles: ['bold'] },
            { text: ' y', styles: [] },
          ],
        },
      ],
    });
  });
});

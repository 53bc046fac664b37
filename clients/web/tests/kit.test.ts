import { describe, expect, it } from 'vitest';

import { mergedReactions, picture } from '@/kit/emoji';
import { Intervals } from '@/kit/intervals';
import { isEnter } from '@/kit/keys';
import { markdownOf } from '@/kit/markdown';
import { blocksOf, type TextSpan } from '@/kit/rich-text';
import { excerpt, monogram, plainName, utf16Offsets } from '@/kit/text';

function span(start: number, length: number, kind: string, value: unknown = true): TextSpan {
  return { start, length, meaning: { case: kind, value } };
}

describe('offsets', () => {
  it('count code points in the contract and UTF-16 units here', () => {
    const offsets = utf16Offsets('👍🏽你好', [0, 1, 2, 3, 4]);
    expect([...offsets.values()]).toEqual([0, 2, 4, 5, 6]);
  });
});

describe('reactions', () => {
  it('count an emoji once whatever its stored form', () => {
    const stored = [
      { emoji: '+1', personIds: ['a'] },
      { emoji: 'thumbsup', personIds: ['b'] },
      { emoji: '👍', personIds: ['a'] },
      { emoji: '\u{2764}', personIds: ['a'] },
      { emoji: '\u{2764}\u{FE0F}', personIds: ['b'] },
    ];
    expect(mergedReactions(stored).map(({ personIds }) => personIds)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    expect(picture('party-owl')).toBe(':party-owl:');
  });
});

describe('rich text', () => {
  it('makes nested styles, links and mentions of spans', () => {
    const text = '你好 @林薇 see docs';
    const blocks = blocksOf(text, [
      span(0, 2, 'bold'),
      span(3, 3, 'mentionPersonId', 'per_1'),
      span(11, 4, 'link', 'https://example.com'),
    ]);
    expect(blocks).toEqual([
      {
        kind: 'paragraph',
        parts: [
          { kind: 'text', text: '你好', styles: ['bold'] },
          { kind: 'text', text: ' ', styles: [] },
          { kind: 'mention', text: '@林薇', of: { kind: 'person', id: 'per_1' } },
          { kind: 'text', text: ' see ', styles: [] },
          {
            kind: 'link',
            address: 'https://example.com',
            parts: [{ kind: 'text', text: 'docs', styles: [] }],
          },
        ],
      },
    ]);
  });

  it('parts code blocks and quotes from what stands around them', () => {
    const text = 'a\nlet x\nb\nq';
    const blocks = blocksOf(text, [span(2, 5, 'codeBlock', 'ts'), span(10, 1, 'quote')]);
    expect(blocks.map((block) => block.kind)).toEqual(['paragraph', 'code', 'paragraph', 'quote']);
    expect(blocks[1]).toEqual({ kind: 'code', text: 'let x', language: 'ts' });
  });

  it.each([
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    ' javascript:x',
  ])('never follows %s', (address) => {
    const [block] = blocksOf('click', [span(0, 5, 'link', address)]);
    expect(block).toEqual({
      kind: 'paragraph',
      parts: [{ kind: 'text', text: 'click', styles: [] }],
    });
  });

  it('survives spans beyond the end', () => {
    expect(blocksOf('ab', [span(1, 100, 'bold')])).toEqual([
      {
        kind: 'paragraph',
        parts: [
          { kind: 'text', text: 'a', styles: [] },
          { kind: 'text', text: 'b', styles: ['bold'] },
        ],
      },
    ]);
  });
});

describe('markdown', () => {
  it.each([
    ['bold 粗体', [span(0, 4, 'bold')], '**bold** 粗体'],
    ['a*b_c', [], 'a\\*b\\_c'],
    ['x = 1', [span(0, 5, 'code')], '`x = 1`'],
    ['let x', [span(0, 5, 'codeBlock', 'ts')], '```ts\nlet x\n```'],
    ['one\ntwo', [span(0, 7, 'quote')], '> one\n> two'],
    ['docs', [span(0, 4, 'link', 'https://example.com')], '[docs](https://example.com)'],
    ['https://a.example', [span(0, 17, 'link', 'https://a.example')], 'https://a.example'],
    ['@林薇', [span(0, 3, 'mentionPersonId', 'per_1')], '<@per_1|@林薇>'],
  ] as const)('writes %j for editing', (text, spans, written) => {
    expect(markdownOf(text, spans)).toBe(written);
  });
});

describe('names', () => {
  it('stand on one line and reorder nothing around them', () => {
    expect(plainName('Ann\u202e gnp.exe\n')).toBe('Ann gnp.exe');
  });

  it.each([
    ['欧阳娜娜', '娜娜'],
    ['林薇', '林薇'],
    ['Ann Lee', 'AL'],
  ])('%s is shown as %s', (name, shown) => {
    expect(monogram(name)).toBe(shown);
  });

  it('are cut between graphemes', () => {
    expect(excerpt('👍🏽👍🏽👍🏽', 8)).toBe('👍🏽👍🏽…');
  });
});

describe('intervals', () => {
  it('join what touches', () => {
    const intervals = new Intervals();
    intervals.add(5, 9);
    intervals.add(1, 2);
    expect(intervals.parts).toEqual([
      { from: 1, to: 2 },
      { from: 5, to: 9 },
    ]);
    intervals.add(3, 4);
    expect(intervals.parts).toEqual([{ from: 1, to: 9 }]);
    expect(intervals.covers(2, 9)).toBe(true);
    expect(intervals.covers(2, 10)).toBe(false);
  });
});

describe('Enter', () => {
  const press = { key: 'Enter', isComposing: false, keyCode: 13, shiftKey: false };

  it('sends', () => expect(isEnter(press)).toBe(true));
  it('does not send with Shift', () => expect(isEnter({ ...press, shiftKey: true })).toBe(false));
  it('does not send in a composition', () =>
    expect(isEnter({ ...press, isComposing: true })).toBe(false));
  it('does not send when Safari ends a composition', () =>
    expect(isEnter({ ...press, keyCode: 229 })).toBe(false));
});

import { describe, expect, it } from 'vitest';

import {
  askedAt,
  mentionsOf,
  movedMentions,
  spansOf,
  trimmed,
  withTokens,
  type Addressed,
} from '@/kit/mentions';

const LIN = { kind: 'person', id: 'per_lin' } as const;

function lin(from: number, to: number): Addressed {
  return { from, to, of: LIN };
}

describe('the query behind an @', () => {
  it.each([
    ['@', 1, { from: 0, query: '' }],
    ['请@li', 4, { from: 1, query: 'li' }],
    ['请＠林', 3, { from: 1, query: '林' }],
    ['see @max w', 10, { from: 4, query: 'max w' }],
    ['(@max', 5, { from: 1, query: 'max' }],
  ])('is found in %s', (text, caret, asked) => {
    expect(askedAt(text, caret)).toEqual(asked);
  });

  it.each([
    ['lin@example.com', 15],
    ['@ lin', 5],
    ['@lin  x', 7],
    ['@lin\nx', 6],
    ['`@lin', 5],
    ['```\n@lin', 8],
    ['lin', 3],
    [`@${'x'.repeat(40)}`, 41],
  ])('is none in %s', (text, caret) => {
    expect(askedAt(text, caret)).toBeUndefined();
  });

  it('is asked again after code has ended', () => {
    expect(askedAt('`a` @lin', 8)).toEqual({ from: 4, query: 'lin' });
    expect(askedAt('```\na\n```\n@lin', 14)).toEqual({ from: 10, query: 'lin' });
  });
});

describe('mentions while one writes', () => {
  it.each([
    ['before them', 'a @林薇 b', 'aa @林薇 b', [lin(3, 6)]],
    ['behind them', 'a @林薇 b', 'a @林薇 bc', [lin(2, 5)]],
    ['into them', 'a @林薇 b', 'a @林X薇 b', []],
    ['over their end', 'a @林薇 b', 'a @林 b', []],
    ['over everything', 'a @林薇 b', '', []],
  ])('follow an edit %s', (_, before, after, left) => {
    expect(movedMentions([lin(2, 5)], before, after)).toEqual(left);
  });

  it('keep the id of two people of the same name', () => {
    const other = { from: 4, to: 7, of: { kind: 'person', id: 'per_other' } } as const;
    const moved = movedMentions([lin(0, 3), other], '@张伟 @张伟', '你@张伟 @张伟');
    expect(withTokens('你@张伟 @张伟', moved)).toBe('你<@per_lin|@张伟> <@per_other|@张伟>');
  });

  it('lose the white space around the words', () => {
    expect(trimmed('  @林薇 ', [lin(2, 5)])).toEqual({ text: '@林薇', mentions: [lin(0, 3)] });
  });
});

describe('mentions as they are sent', () => {
  it('name ids, departments and all, and escape what names hold', () => {
    const mentions: Addressed[] = [
      { from: 7, to: 11, of: { kind: 'all' } },
      { from: 0, to: 6, of: { kind: 'person', id: 'per_1' } },
      { from: 12, to: 15, of: { kind: 'department', id: 'dep_1' } },
    ];
    expect(withTokens('@a<b>\\ @all @研发', mentions)).toBe(
      '<@per_1|@a\\<b\\>\\\\> <!all|@all> <!dep_1|@研发>',
    );
  });

  it('are words inside code', () => {
    expect(withTokens('`@林薇`', [lin(1, 4)])).toBe('`@林薇`');
  });

  it('are the same after a draft has been stored and read', () => {
    const text = '👍🏽 @林薇 好';
    const mentions = [lin(5, 8)];
    expect(spansOf(text, mentions)[0]).toMatchObject({ start: 3, length: 3 });
    expect(mentionsOf(text, spansOf(text, mentions))).toEqual(mentions);
  });
});

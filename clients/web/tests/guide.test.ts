import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { APP_ACTIONS } from '@/actions/app';
import { CONVERSATION_ACTIONS, LINE_ACTIONS } from '@/actions/conversation';
import { MESSAGE_ACTIONS } from '@/actions/message';
import { parseGuide, type Guide, type GuideBlock } from '@/kit/guide';

const PAGES = ['quick-start.zh-CN.md', 'quick-start.md'] as const;
const NAMES: Readonly<Record<string, string>> = {
  mod: 'Ctrl/⌘',
  alt: 'Alt',
  shift: 'Shift',
  arrowdown: '↓',
  arrowup: '↑',
  enter: 'Enter',
};

function guideOf(page: string): Guide {
  return parseGuide(readFileSync(new URL(`../../../docs/${page}`, import.meta.url), 'utf8'));
}

function blocksOf({ lead, sections }: Guide): GuideBlock[] {
  return [...lead, ...sections.flatMap(({ blocks }) => blocks)];
}

/** Return the keys of the guide's tables. */
function keysOf(guide: Guide): string[] {
  return blocksOf(guide).flatMap((block) =>
    block.kind === 'table'
      ? block.rows.flat(2).flatMap(({ kind, text }) => (kind === 'key' ? [text] : []))
      : [],
  );
}

function written(shortcut: string): string {
  if (shortcut.length === 1) return shortcut.toUpperCase();
  return shortcut
    .split('+')
    .map((key) => NAMES[key] ?? key.toUpperCase())
    .join(' + ');
}

describe('the parser of guides', () => {
  it('reads headings, paragraphs, lists, tables and pictures', () => {
    const guide = parseGuide(
      '# Guide\n\nLead.\n\n## First\n\n1. One\n   more\n2. Two\n\n![A board](assets/a.png)\n\n' +
        '| keys | effect |\n|---|---|\n| `?` | **help** |\n',
    );
    expect(guide.title).toBe('Guide');
    expect(guide.lead).toEqual([{ kind: 'paragraph', parts: [{ kind: 'text', text: 'Lead.' }] }]);
    expect(guide.sections).toEqual([
      {
        id: 'part-1',
        title: 'First',
        blocks: [
          {
            kind: 'list',
            isOrdered: true,
            items: [[{ kind: 'text', text: 'One more' }], [{ kind: 'text', text: 'Two' }]],
          },
          { kind: 'picture', label: 'A board', address: 'assets/a.png', width: 0, height: 0 },
          {
            kind: 'table',
            rows: [
              [[{ kind: 'text', text: 'keys' }], [{ kind: 'text', text: 'effect' }]],
              [[{ kind: 'key', text: '?' }], [{ kind: 'strong', text: 'help' }]],
            ],
          },
        ],
      },
    ]);
  });

  it('joins broken lines as each script is written', () => {
    const texts = ['发消息，\n按 A', '按\nEnter', '发送\n消息', 'two\nwords'].map((text) => {
      const [block] = parseGuide(`# T\n\n${text}`).lead;
      return block?.kind === 'paragraph' ? block.parts[0]?.text : undefined;
    });
    expect(texts).toEqual(['发消息，按 A', '按 Enter', '发送消息', 'two words']);
  });

  it('refuses what it would show wrong', () => {
    expect(() => parseGuide('No title.')).toThrow('heading of level 1');
    expect(() => parseGuide('# T\n\n### Deep')).toThrow('cannot show');
    expect(() => parseGuide('# T\n\nA [link](x.md).')).toThrow('link');
  });
});

describe('the quick-start guide', () => {
  it('has the same parts in both languages', () => {
    const [chinese, english] = PAGES.map((page) => {
      const { sections } = guideOf(page);
      return sections.map(({ blocks }) => blocks.map(({ kind }) => kind));
    });
    expect(chinese).toEqual(english);
    expect(chinese?.length).toBeGreaterThan(5);
  });

  it.each(PAGES)('%s names every shortcut', (page) => {
    const keys = keysOf(guideOf(page));
    const shortcuts = [
      ...APP_ACTIONS,
      ...CONVERSATION_ACTIONS,
      ...LINE_ACTIONS,
      ...MESSAGE_ACTIONS,
    ].flatMap(({ shortcut }) => (shortcut === undefined ? [] : [written(shortcut)]));
    expect(keys).toEqual(expect.arrayContaining(shortcuts));
  });
});

/** A page of documentation, parsed at build time. */
export interface Guide {
  readonly title: string;
  readonly lead: readonly GuideBlock[];
  readonly sections: readonly GuideSection[];
}

export interface GuideSection {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly GuideBlock[];
}

export type GuideBlock =
  | { readonly kind: 'paragraph'; readonly parts: readonly GuideText[] }
  | { readonly kind: 'list'; readonly isOrdered: boolean; readonly items: readonly GuideText[][] }
  | { readonly kind: 'table'; readonly rows: readonly (readonly GuideText[][])[] }
  | GuidePicture;

export interface GuidePicture {
  readonly kind: 'picture';
  readonly label: string;
  readonly address: string;
  /** In pixels of the file; 0 until the build has read it. */
  readonly width: number;
  readonly height: number;
}

export interface GuideText {
  readonly kind: 'text' | 'strong' | 'key';
  readonly text: string;
}

const PICTURE = /^!\[([^\]]+)\]\(([^)\s]+)\)$/u;
const ITEM = /^(?:-|(\d+)\.)\s+(.*)$/u;
const RULE = /^\|(?:\s*:?-+:?\s*\|)+$/u;
const WIDE = /[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]/u;
const WIDE_MARK = /[\u3000-\u303f\uff00-\uffef]/u;

/**
 * Parse the Markdown of a guide: headings of two levels, paragraphs, lists, tables, standalone
 * pictures, strong text and code spans. Throw on anything else, so that no page is displayed
 * incorrectly.
 */
export function parseGuide(markdown: string): Guide {
  const chunks = markdown.trim().split(/\n{2,}/u);
  const title = /^# (.+)$/u.exec(chunks.shift() ?? '')?.[1];
  if (title === undefined) throw new Error('The guide must begin with a heading of level 1.');
  const lead: GuideBlock[] = [];
  const sections: { id: string; title: string; blocks: GuideBlock[] }[] = [];
  for (const chunk of chunks) {
    const heading = /^## (.+)$/u.exec(chunk)?.[1];
    if (heading === undefined) (sections.at(-1)?.blocks ?? lead).push(blockOf(chunk));
    else sections.push({ id: `part-${sections.length + 1}`, title: heading, blocks: [] });
  }
  return { title, lead, sections };
}

function blockOf(chunk: string): GuideBlock {
  if (/^(?:#|>|```|<)/u.test(chunk)) throw new Error(`The guide cannot show this part: ${chunk}`);
  const picture = PICTURE.exec(joined(chunk.split('\n')));
  if (picture !== null) {
    const [, label = '', address = ''] = picture;
    return { kind: 'picture', label, address, width: 0, height: 0 };
  }
  if (chunk.startsWith('|')) return tableOf(chunk);
  const first = ITEM.exec(chunk.split('\n')[0] ?? '');
  if (first === null) return { kind: 'paragraph', parts: textsOf(joined(chunk.split('\n'))) };
  return { kind: 'list', isOrdered: first[1] !== undefined, items: itemsOf(chunk).map(textsOf) };
}

function itemsOf(chunk: string): string[] {
  const items: string[][] = [];
  for (const line of chunk.split('\n')) {
    const item = ITEM.exec(line);
    if (item === null) items.at(-1)?.push(line.trim());
    else items.push([item[2] ?? '']);
  }
  return items.map(joined);
}

function tableOf(chunk: string): GuideBlock {
  const rows = chunk
    .split('\n')
    .filter((line) => !RULE.test(line))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => textsOf(cell.trim())));
  return { kind: 'table', rows };
}

/** Join broken lines with a space, except next to Chinese characters and punctuation. */
function joined(lines: readonly string[]): string {
  return lines.reduce((text, line) => {
    const [end, start] = [text.at(-1) ?? '', line[0] ?? ''];
    const isTight =
      (WIDE.test(end) && WIDE.test(start)) || WIDE_MARK.test(end) || WIDE_MARK.test(start);
    return `${text}${isTight ? '' : ' '}${line}`;
  });
}

function textsOf(text: string): GuideText[] {
  if (text.includes('](')) throw new Error(`The guide cannot show a link inside a text: ${text}`);
  return text
    .split(/(\*\*[^*]+\*\*|`[^`]+`)/u)
    .filter((part) => part !== '')
    .map((part) => {
      if (part.startsWith('**')) return { kind: 'strong', text: part.slice(2, -2) };
      if (part.startsWith('`')) return { kind: 'key', text: part.slice(1, -1) };
      return { kind: 'text', text: part };
    });
}

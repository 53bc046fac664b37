/** A range of a text; `to` is exclusive. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface ListEntry extends Stretch {
  /** Depth of its indent, 0 to 3. */
  readonly depth: number;
}

/** Adjacent lines that form one element. */
export type LineBlock =
  | ({ readonly kind: 'paragraph' } & Stretch)
  | {
      readonly kind: 'list';
      readonly isOrdered: boolean;
      readonly start: number;
      readonly entries: readonly ListEntry[];
    }
  | { readonly kind: 'table'; readonly rows: readonly (readonly Stretch[])[] };

interface Line extends Stretch {
  readonly text: string;
}

const ENTRY = /^( {0,8})(?:([-*+•])|(\d{1,6})[.)])[ \t]+(?=\S)/u;
const DIVIDER = /^\s*\|?(?:\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?\s*$/u;
const MAX_COLUMNS = 30;
const MAX_DEPTH = 3;

/**
 * Find lists and tables in a range of a text.
 *
 * The contract has no spans for them: the marks of their lines stay in the text.
 *
 * Args:
 *   isCode: returns whether a position is inside code, where a bar does not separate columns.
 */
export function lineBlocks(
  text: string,
  from: number,
  to: number,
  isCode: (at: number) => boolean,
): LineBlock[] {
  const lines = linesOf(text, from, to);
  const blocks: LineBlock[] = [];
  let plain = -1;
  const flush = (at: number): void => {
    const first = lines[plain];
    const last = lines[at - 1];
    if (plain >= 0 && first !== undefined && last !== undefined && last.to > first.from)
      blocks.push({ kind: 'paragraph', from: first.from, to: last.to });
    plain = -1;
  };
  for (let at = 0; at < lines.length;) {
    const end = Math.max(tableEnd(lines, at), listEnd(lines, at));
    if (end > at) {
      flush(at);
      const found = lines.slice(at, end);
      blocks.push(tableEnd(lines, at) > at ? tableOf(found, isCode) : listOf(found));
      at = end;
      continue;
    }
    if (plain < 0) plain = at;
    at += 1;
  }
  flush(lines.length);
  return blocks;
}

function linesOf(text: string, from: number, to: number): Line[] {
  const lines: Line[] = [];
  for (let at = from; at <= to;) {
    const feed = text.indexOf('\n', at);
    const end = feed < 0 || feed > to ? to : feed;
    lines.push({ from: at, to: end, text: text.slice(at, end) });
    at = end + 1;
  }
  return lines;
}

function tableEnd(lines: readonly Line[], at: number): number {
  const head = lines[at]?.text ?? '';
  const divider = lines[at + 1]?.text ?? '';
  if (!head.includes('|') || !divider.includes('|') || !DIVIDER.test(divider)) return at;
  let end = at + 2;
  while (lines[end]?.text.includes('|') === true) end += 1;
  return end;
}

function tableOf(lines: readonly Line[], isCode: (at: number) => boolean): LineBlock {
  const rows = lines.filter((_, index) => index !== 1).map((line) => cellsOf(line, isCode));
  return { kind: 'table', rows };
}

function cellsOf(line: Line, isCode: (at: number) => boolean): Stretch[] {
  const bars = [...line.text.matchAll(/\|/gu)]
    .map((bar) => line.from + bar.index)
    .filter((at) => !isCode(at));
  const edges = [line.from - 1, ...bars, line.to];
  const cells = edges
    .slice(1)
    .map((edge, index) => trimmed(line, (edges[index] ?? line.from) + 1, edge));
  // The bars at both ends of a line are not separators.
  if (/^\s*\|/u.test(line.text)) cells.shift();
  if (/\|\s*$/u.test(line.text) && cells.length > 1) cells.pop();
  return cells.slice(0, MAX_COLUMNS);
}

function trimmed(line: Line, from: number, to: number): Stretch {
  const cell = line.text.slice(from - line.from, to - line.from);
  const begin = from + cell.length - cell.trimStart().length;
  return { from: begin, to: Math.max(begin, to - (cell.length - cell.trimEnd().length)) };
}

function listEnd(lines: readonly Line[], at: number): number {
  const first = ENTRY.exec(lines[at]?.text ?? '');
  if (first === null) return at;
  let end = at + 1;
  for (; end < lines.length; end += 1) {
    const next = ENTRY.exec(lines[end]?.text ?? '');
    if (next === null) break;
    const isSameKind = (next[3] === undefined) === (first[3] === undefined);
    if (!isSameKind && (next[1] ?? '') === (first[1] ?? '')) break;
  }
  return end;
}

function listOf(lines: readonly Line[]): LineBlock {
  const first = ENTRY.exec(lines[0]?.text ?? '');
  const entries = lines.map((line) => {
    const [mark = '', indent = ''] = ENTRY.exec(line.text) ?? [];
    const depth = Math.min(MAX_DEPTH, Math.floor(indent.length / 2));
    return { from: line.from + mark.length, to: line.to, depth };
  });
  const isOrdered = first?.[3] !== undefined;
  return { kind: 'list', isOrdered, start: Number(first?.[3] ?? 1), entries };
}

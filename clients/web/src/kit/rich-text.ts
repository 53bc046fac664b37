import { lineBlocks } from './line-blocks';
import { utf16Offsets } from './text';

/** A range of a text with a meaning; offsets count code points, as in the contract. */
export interface TextSpan {
  readonly start: number;
  readonly length: number;
  readonly meaning: { readonly case?: string | undefined; readonly value?: unknown };
}

export type Style = 'bold' | 'italic' | 'strike' | 'code';

export type Inline =
  | { readonly kind: 'text'; readonly text: string; readonly styles: readonly Style[] }
  | { readonly kind: 'mention'; readonly text: string; readonly of: Mentioned }
  | { readonly kind: 'link'; readonly address: string; readonly parts: readonly Inline[] };

export type Mentioned =
  | { readonly kind: 'person'; readonly id: string }
  | { readonly kind: 'all' }
  | { readonly kind: 'department'; readonly id: string };

export type Block =
  | { readonly kind: 'paragraph' | 'quote'; readonly parts: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string; readonly language: string }
  | {
      readonly kind: 'list';
      readonly isOrdered: boolean;
      readonly start: number;
      readonly entries: readonly { readonly depth: number; readonly parts: readonly Inline[] }[];
    }
  /** The first row is the header. */
  | { readonly kind: 'table'; readonly rows: readonly (readonly (readonly Inline[])[])[] };

interface Range {
  readonly from: number;
  readonly to: number;
  readonly kind: string;
  readonly value: unknown;
}

const STYLES: ReadonlySet<string> = new Set(['bold', 'italic', 'strike', 'code']);
const MENTIONS: Readonly<Record<string, (value: string) => Mentioned>> = {
  mentionPersonId: (id) => ({ kind: 'person', id }),
  mentionAll: () => ({ kind: 'all' }),
  mentionDepartmentId: (id) => ({ kind: 'department', id }),
};

/** Return a text with its spans as blocks to render; it is never parsed as HTML. */
export function blocksOf(text: string, spans: readonly TextSpan[]): Block[] {
  const ranges = rangesOf(text, spans);
  const inline = ranges.filter((range) => range.kind !== 'codeBlock' && range.kind !== 'quote');
  const outer = ranges
    .filter((range) => range.kind === 'codeBlock' || range.kind === 'quote')
    .sort((one, other) => one.from - other.from);
  const blocks: Block[] = [];
  let at = 0;
  const paragraph = (to: number): void => {
    const [from, end] = withoutBreaks(text, at, to);
    if (from < end) blocks.push(...linesOf(text, from, end, inline));
  };
  for (const range of outer) {
    // A code block inside a quote is shown as text of the quote.
    if (range.from < at) continue;
    paragraph(range.from);
    if (range.kind === 'codeBlock') {
      const language = String(range.value);
      blocks.push({ kind: 'code', text: text.slice(range.from, range.to), language });
    } else {
      blocks.push({ kind: 'quote', parts: inlineOf(text, range.from, range.to, inline) });
    }
    at = range.to;
  }
  paragraph(text.length);
  return blocks;
}

/** Return the paragraphs, lists and tables of a range without code blocks and quotes. */
function linesOf(text: string, from: number, to: number, ranges: readonly Range[]): Block[] {
  const near = ranges.filter((range) => range.from < to && range.to > from);
  const codes = near.filter(({ kind }) => kind === 'code');
  const isCode = (at: number): boolean => codes.some((range) => range.from <= at && at < range.to);
  const parts = (one: { readonly from: number; readonly to: number }): Inline[] =>
    inlineOf(text, one.from, one.to, near);
  return lineBlocks(text, from, to, isCode).map((block): Block => {
    switch (block.kind) {
      case 'paragraph':
        return { kind: 'paragraph', parts: parts(block) };
      case 'table':
        return { kind: 'table', rows: block.rows.map((row) => row.map(parts)) };
      case 'list': {
        const entries = block.entries.map((one) => ({ depth: one.depth, parts: parts(one) }));
        return { kind: 'list', isOrdered: block.isOrdered, start: block.start, entries };
      }
    }
  });
}

function rangesOf(text: string, spans: readonly TextSpan[]): Range[] {
  const points = spans.flatMap((span) => [span.start, span.start + span.length]);
  const offsets = utf16Offsets(text, points);
  return spans.flatMap(({ start, length, meaning }) => {
    const from = offsets.get(start) ?? 0;
    const to = offsets.get(start + length) ?? 0;
    return meaning.case === undefined || to <= from
      ? []
      : [{ from, to, kind: meaning.case, value: meaning.value }];
  });
}

function withoutBreaks(text: string, from: number, to: number): [number, number] {
  const begin = from > 0 && text[from] === '\n' ? from + 1 : from;
  const end = to < text.length && text[to - 1] === '\n' ? to - 1 : to;
  return [begin, end];
}

function inlineOf(text: string, from: number, to: number, ranges: readonly Range[]): Inline[] {
  const links = ranges.filter(
    (range) => range.kind === 'link' && range.from >= from && range.to <= to,
  );
  const parts: Inline[] = [];
  let at = from;
  for (const link of [...links].sort((one, other) => one.from - other.from)) {
    if (link.from < at) continue;
    parts.push(...styled(text, at, link.from, ranges));
    const address = safeAddress(String(link.value));
    const inside = styled(text, link.from, link.to, ranges);
    if (address === undefined) parts.push(...inside);
    else parts.push({ kind: 'link', address, parts: inside });
    at = link.to;
  }
  parts.push(...styled(text, at, to, ranges));
  return parts;
}

function styled(text: string, from: number, to: number, ranges: readonly Range[]): Inline[] {
  const inside = ranges.filter(
    (range) =>
      range.from < to && range.to > from && (STYLES.has(range.kind) || range.kind in MENTIONS),
  );
  const stops = [from, to, ...inside.flatMap((range) => [range.from, range.to])]
    .filter((stop) => stop >= from && stop <= to)
    .sort((one, other) => one - other);
  const parts: Inline[] = [];
  for (let index = 1; index < stops.length; index += 1) {
    const begin = stops[index - 1] ?? from;
    const end = stops[index] ?? to;
    if (end <= begin) continue;
    const over = inside.filter((range) => range.from <= begin && range.to >= end);
    const mention = over.find((range) => range.kind in MENTIONS);
    const of = mention === undefined ? undefined : MENTIONS[mention.kind]?.(String(mention.value));
    const content = text.slice(begin, end);
    if (of !== undefined) parts.push({ kind: 'mention', text: content, of });
    else
      parts.push({ kind: 'text', text: content, styles: over.map((range) => range.kind as Style) });
  }
  return parts;
}

/** Return an address that is safe to follow, not a script or data. */
export function safeAddress(address: string): string | undefined {
  return /^(https?|mailto):/iu.test(address) ? address : undefined;
}

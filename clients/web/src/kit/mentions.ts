import type { Mentioned, TextSpan } from './rich-text';
import { utf16Offsets } from './text';

/** A mention in the composer; offsets count UTF-16 units. */
export interface Addressed {
  readonly from: number;
  readonly to: number;
  readonly of: Mentioned;
}

/** The text between an @ and the caret. */
export interface Asked {
  /** Offset of the @. */
  readonly from: number;
  readonly query: string;
}

const MAX_QUERY = 32;
// Chinese input methods write the wide form.
const BEGINS = /[@＠]/u;
const INSIDE_WORD = /[A-Za-z0-9._%+-]/u;

/** Return the mention query at the caret; undefined if there is none. */
export function askedAt(text: string, caret: number): Asked | undefined {
  for (let from = caret - 1; from >= Math.max(0, caret - MAX_QUERY); from -= 1) {
    const character = text.charAt(from);
    if (character === '\n') return undefined;
    if (!BEGINS.test(character)) continue;
    const query = text.slice(from + 1, caret);
    // An @ inside a word belongs to an e-mail address; white space ends a query.
    if (INSIDE_WORD.test(text.charAt(from - 1)) || /^\s|\s{2}/u.test(query)) return undefined;
    return isInCode(text, from) ? undefined : { from, query };
  }
  return undefined;
}

/** Return the mentions after an edit, without those whose text was changed. */
export function movedMentions(
  mentions: readonly Addressed[],
  before: string,
  after: string,
): readonly Addressed[] {
  if (mentions.length === 0 || before === after) return mentions;
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const end = before.length - tail;
  const by = after.length - before.length;
  return mentions.flatMap((one) => {
    if (one.to <= head) return [one];
    return one.from >= end ? [{ ...one, from: one.from + by, to: one.to + by }] : [];
  });
}

/** Return the text without surrounding white space. */
export function trimmed(
  text: string,
  mentions: readonly Addressed[],
): { readonly text: string; readonly mentions: readonly Addressed[] } {
  const by = text.length - text.trimStart().length;
  return {
    text: text.trim(),
    mentions: mentions.map((one) => ({ ...one, from: one.from - by, to: one.to - by })),
  };
}

/** Format a mention in the server's markdown subset. */
export function mentionToken(of: Mentioned, shown: string): string {
  const target = of.kind === 'all' ? '!all' : `${of.kind === 'person' ? '@' : '!'}${of.id}`;
  return `<${target}|${shown.replace(/[\\<>]/gu, '\\$&')}>`;
}

/** Return the text as markdown whose mentions contain their ids; none is inside code. */
export function withTokens(text: string, mentions: readonly Addressed[]): string {
  let written = '';
  let at = 0;
  for (const { from, to, of } of inOrder(mentions)) {
    if (from < at || isInCode(text, from)) continue;
    written += text.slice(at, from) + mentionToken(of, text.slice(from, to));
    at = to;
  }
  return written + text.slice(at);
}

/** Return mentions as spans of the contract, which count code points. */
export function spansOf(text: string, mentions: readonly Addressed[]): TextSpan[] {
  return inOrder(mentions).map(({ from, to, of }) => ({
    start: codePoints(text.slice(0, from)),
    length: codePoints(text.slice(from, to)),
    meaning: meaningOf(of),
  }));
}

/** Return the mentions among the spans of a text. */
export function mentionsOf(text: string, spans: readonly TextSpan[]): Addressed[] {
  const offsets = utf16Offsets(
    text,
    spans.flatMap(({ start, length }) => [start, start + length]),
  );
  return spans.flatMap(({ start, length, meaning }) => {
    const of = mentionedBy(meaning);
    const from = offsets.get(start);
    const to = offsets.get(start + length);
    return of === undefined || from === undefined || to === undefined ? [] : [{ from, to, of }];
  });
}

/** Return whether a position is inside code, judging by the marks before it. */
export function isInCode(text: string, at: number): boolean {
  const before = text.slice(0, at);
  const fences = before.match(/^```/gmu)?.length ?? 0;
  if (fences % 2 === 1) return true;
  const line = before.slice(before.lastIndexOf('\n') + 1);
  return (line.match(/`+/gu)?.length ?? 0) % 2 === 1;
}

function mentionedBy({ case: kind, value }: TextSpan['meaning']): Mentioned | undefined {
  if (kind === 'mentionPersonId') return { kind: 'person', id: String(value) };
  if (kind === 'mentionDepartmentId') return { kind: 'department', id: String(value) };
  return kind === 'mentionAll' ? { kind: 'all' } : undefined;
}

function meaningOf(of: Mentioned): TextSpan['meaning'] {
  if (of.kind === 'all') return { case: 'mentionAll', value: true };
  const kind = of.kind === 'person' ? 'mentionPersonId' : 'mentionDepartmentId';
  return { case: kind, value: of.id };
}

function inOrder(mentions: readonly Addressed[]): readonly Addressed[] {
  return [...mentions].sort((one, other) => one.from - other.from);
}

function codePoints(text: string): number {
  return Array.from(text).length;
}

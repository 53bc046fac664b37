import { mentionToken } from './mentions';
import type { TextSpan } from './rich-text';

const MARKS: Readonly<Record<string, string>> = { bold: '**', italic: '*', strike: '~~' };
const ESCAPED = /[\\`*_~[\]<]/gu;

/** Convert a text with its spans to the server's markdown subset, for editing. */
export function markdownOf(text: string, spans: readonly TextSpan[]): string {
  const points = Array.from(text);
  const before = new Map<number, string[]>();
  const after = new Map<number, string[]>();
  const verbatim = new Uint8Array(points.length);
  const replaced = new Map<number, { readonly to: number; readonly by: string }>();
  const outside = [...spans].sort((one, other) => other.length - one.length);
  for (const { start, length, meaning } of outside) {
    const end = start + length;
    const slice = points.slice(start, end).join('');
    const whole = wholeOf(meaning, slice);
    if (whole !== undefined) {
      replaced.set(start, { to: end, by: whole });
      verbatim.fill(1, start, end);
      continue;
    }
    const [open, close] = marksOf(meaning);
    if (open !== '') {
      push(before, start, open);
      after.set(end, [close, ...(after.get(end) ?? [])]);
    }
    if (meaning.case === 'quote') markLines(points, start, end, before);
  }
  let written = '';
  for (let at = 0; at <= points.length; at += 1) {
    written += (after.get(at) ?? []).join('') + (before.get(at) ?? []).join('');
    const whole = replaced.get(at);
    if (whole !== undefined) {
      written += whole.by;
      at = whole.to - 1;
      continue;
    }
    written += (points[at] ?? '').replace(ESCAPED, '\\$&');
  }
  return written;
}

function wholeOf({ case: kind, value }: TextSpan['meaning'], slice: string): string | undefined {
  if (kind === 'mentionPersonId') return mentionToken({ kind: 'person', id: String(value) }, slice);
  if (kind === 'mentionAll') return mentionToken({ kind: 'all' }, slice);
  if (kind === 'mentionDepartmentId')
    return mentionToken({ kind: 'department', id: String(value) }, slice);
  if (kind === 'code') return fenced(slice);
  if (kind === 'codeBlock') {
    const fence = '`'.repeat(Math.max(3, longestRun(slice) + 1));
    return `${fence}${value === 'text' ? '' : String(value)}\n${slice}\n${fence}`;
  }
  return kind === 'link' && value === slice ? slice : undefined;
}

function marksOf({ case: kind, value }: TextSpan['meaning']): readonly [string, string] {
  if (kind === 'link') return ['[', `](${String(value)})`];
  const mark = MARKS[kind ?? ''] ?? '';
  return [mark, mark];
}

function markLines(
  points: readonly string[],
  start: number,
  end: number,
  before: Map<number, string[]>,
): void {
  for (let at = start; at < end; at += 1) {
    if (at === start || points[at - 1] === '\n') before.set(at, ['> ', ...(before.get(at) ?? [])]);
  }
}

function fenced(slice: string): string {
  const fence = '`'.repeat(longestRun(slice) + 1);
  const pad = slice.startsWith('`') || slice.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${slice}${pad}${fence}`;
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/gu) ?? []).map((run) => run.length));
}

function push(map: Map<number, string[]>, key: number, value: string): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}

import type { Style, TextSpan } from './rich-text';

/** A run of marks that may begin or end emphasis. */
export interface Run {
  readonly mark: string;
  readonly count: number;
  readonly canOpen: boolean;
  readonly canClose: boolean;
}

/** A part of a paragraph; the `text` of a run loses the marks that take effect. */
export interface Piece {
  text: string;
  readonly meaning?: TextSpan['meaning'];
  /** Address of a link; its text may contain emphasis. */
  readonly link?: string;
  readonly run?: Run;
}

export interface Pair {
  readonly opener: number;
  readonly closer: number;
  readonly kind: Style;
}

const SPACE = /\s/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;
// Chinese, Japanese and Korean characters and punctuation, which count as letters.
const WIDE =
  /[\u1100-\u11ff\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]/u;

/**
 * Return the run of marks at a position, by the rules of CommonMark with the CJK-friendly
 * amendments, as the server parses it.
 */
export function delimiterRun(source: string, at: number): Run {
  const mark = source.charAt(at);
  let end = at;
  while (source.charAt(end) === mark) end += 1;
  const before = at === 0 ? ' ' : (Array.from(source.slice(Math.max(0, at - 2), at)).at(-1) ?? ' ');
  const after = Array.from(source.slice(end, end + 2))[0] ?? ' ';
  const isSpaceBefore = SPACE.test(before);
  const isSpaceAfter = SPACE.test(after);
  const isMarkBefore = PUNCTUATION.test(before);
  const isMarkAfter = PUNCTUATION.test(after);
  const isWideBefore = WIDE.test(before);
  const isWideAfter = WIDE.test(after);
  const isNarrowBefore = isMarkBefore && !isWideBefore;
  const isNarrowAfter = isMarkAfter && !isWideAfter;
  const isLeft =
    !isSpaceAfter && (!isNarrowAfter || isSpaceBefore || isNarrowBefore || isWideBefore);
  const isRight =
    !isSpaceBefore && (!isNarrowBefore || isSpaceAfter || isNarrowAfter || isWideAfter);
  const maySplit = mark !== '_';
  return {
    mark,
    count: end - at,
    canOpen: isLeft && (maySplit || !isRight || isMarkBefore),
    canClose: isRight && (maySplit || !isLeft || isMarkAfter),
  };
}

/** Pair the runs of a paragraph and remove the effective marks from their texts. */
export function paired(pieces: readonly Piece[]): Pair[] {
  const pairs: Pair[] = [];
  const open: number[] = [];
  for (const [closer, piece] of pieces.entries()) {
    const { run } = piece;
    if (run === undefined) continue;
    while (run.canClose && piece.text !== '') {
      const at = open.findLastIndex((opener) => matches(pieces[opener], piece));
      const opener = open[at];
      const other = opener === undefined ? undefined : pieces[opener];
      if (opener === undefined || other === undefined) break;
      open.length = at + 1;
      const used = usedBy(other, piece);
      pairs.push({ opener, closer, kind: kindOf(run.mark, used) });
      other.text = other.text.slice(used);
      piece.text = piece.text.slice(used);
      if (other.text === '') open.pop();
    }
    if (run.canOpen && piece.text !== '') open.push(closer);
  }
  return pairs;
}

function matches(opener: Piece | undefined, closer: Piece): boolean {
  const one = opener?.run;
  const other = closer.run;
  if (opener === undefined || one === undefined || other?.mark !== one.mark) return false;
  if (one.mark === '~') return opener.text.length > 1 && closer.text.length > 1;
  const isBoth = one.canClose || other.canOpen;
  const sum = one.count + other.count;
  return !isBoth || sum % 3 !== 0 || (one.count % 3 === 0 && other.count % 3 === 0);
}

function usedBy(opener: Piece, closer: Piece): number {
  return opener.text.length > 1 && closer.text.length > 1 ? 2 : 1;
}

function kindOf(mark: string, used: number): Style {
  if (mark === '~') return 'strike';
  return used === 2 ? 'bold' : 'italic';
}

import { delimiterRun, paired, type Piece } from './emphasis';
import type { TextSpan } from './rich-text';

/** A text with its spans, whose offsets count code points. */
export interface Written {
  readonly text: string;
  readonly spans: readonly TextSpan[];
}

type Meaning = TextSpan['meaning'];

interface Marked {
  readonly from: number;
  readonly to: number;
  readonly meaning: Meaning;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([A-Za-z0-9+#._-]{0,40})[ \t]*$/u;
const QUOTE = /^ {0,3}> ?/u;
const TOKEN =
  /<(?:@([A-Za-z0-9][A-Za-z0-9_.:-]{0,127})|!(all)|!([A-Za-z0-9][A-Za-z0-9_.:-]{0,127}))(?:\|((?:[^\\<>\n]|\\[^\n]){1,256}))?>/uy;
const LINK =
  /\[((?:[^[\]\\]|\\[^\n]){1,2000})\]\([ ]*<?((?:https?|mailto|tel|plexus):[^\s<>()]{1,2000})>?(?:[ ]+"[^"\n]{0,200}")?[ ]*\)/iuy;
const POINTED = /<((?:https?|mailto|tel):[^\s<>]{1,2000})>/iuy;
const BARE = /(?:https?:\/\/|mailto:)[!#-;=?-Z_a-z~]{1,2000}/iuy;
const ESCAPE = /\\([!-/:-@[-`{-~])/gu;

/**
 * Read the markdown subset of the server, for what is shown before a message is stored: the server
 * decides about the message itself.
 */
export function readMarkdown(source: string): Written {
  const writer = new Writer();
  const lines = source.split('\n');
  for (let at = 0; at < lines.length;) {
    const isQuoted = QUOTE.test(lines[at] ?? '');
    let end = at + 1;
    if (isQuoted) {
      while (end < lines.length && QUOTE.test(lines[end] ?? '')) end += 1;
      const from = writer.next;
      writeBlocks(
        lines.slice(at, end).map((line) => line.replace(QUOTE, '')),
        writer,
      );
      writer.span(from, { case: 'quote', value: true });
    } else {
      end = plainEnd(lines, at);
      writeBlocks(lines.slice(at, end), writer);
    }
    at = end;
  }
  return writer.finish();
}

/** Return where lines end that are not quoted; a quote inside a fence is none. */
function plainEnd(lines: readonly string[], from: number): number {
  let fence = '';
  for (let at = from; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (fence === '' && QUOTE.test(line)) return at;
    const mark = FENCE.exec(line);
    if (mark?.[1] === undefined) continue;
    if (fence === '') fence = mark[1];
    else if (mark[1].startsWith(fence) && mark[2] === '') fence = '';
  }
  return lines.length;
}

function writeBlocks(lines: readonly string[], writer: Writer): void {
  let paragraph: string[] = [];
  const flush = (): void => {
    if (paragraph.length > 0) writer.paragraph(paragraph.join('\n'));
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at += 1) {
    const [, fence, language] = FENCE.exec(lines[at] ?? '') ?? [];
    if (fence === undefined) {
      paragraph.push(lines[at] ?? '');
      continue;
    }
    flush();
    let end = at + 1;
    while (end < lines.length && !closes(lines[end] ?? '', fence)) end += 1;
    writer.code(lines.slice(at + 1, end).join('\n'), language ?? '');
    at = end;
  }
  flush();
}

function closes(line: string, fence: string): boolean {
  const mark = FENCE.exec(line);
  return mark?.[1]?.startsWith(fence) === true && mark[2] === '';
}

/** Collects the text and what its parts mean; offsets count UTF-16 units until the end. */
class Writer {
  #text = '';
  #isBegun = false;
  readonly #marked: Marked[] = [];

  /** Offset of the next block. */
  get next(): number {
    return this.#text.length + (this.#isBegun ? 1 : 0);
  }

  span(from: number, meaning: Meaning): void {
    if (this.#text.length > from) this.#marked.push({ from, to: this.#text.length, meaning });
  }

  code(content: string, language: string): void {
    this.#begin();
    const from = this.#text.length;
    this.#text += content;
    this.span(from, { case: 'codeBlock', value: language.toLowerCase() || 'text' });
  }

  paragraph(source: string): void {
    this.#begin();
    this.#inline(source, true);
  }

  finish(): Written {
    const points = codePointsAt(this.#text);
    return {
      text: this.#text,
      spans: this.#marked.map(({ from, to, meaning }) => {
        const start = points(from);
        return { start, length: points(to) - start, meaning };
      }),
    };
  }

  #begin(): void {
    if (this.#isBegun) this.#text += '\n';
    this.#isBegun = true;
  }

  #inline(source: string, mayLink: boolean): void {
    const pieces = piecesOf(source, mayLink);
    const pairs = paired(pieces);
    const starts: number[] = [];
    const ends: number[] = [];
    for (const piece of pieces) {
      starts.push(this.#text.length);
      if (piece.link === undefined) this.#text += piece.text;
      else this.#inline(piece.text, false);
      ends.push(this.#text.length);
      const meaning = piece.meaning;
      const from = starts.at(-1) ?? 0;
      if (meaning !== undefined) this.span(from, meaning);
      if (piece.link !== undefined) this.span(from, { case: 'link', value: piece.link });
    }
    for (const { opener, closer, kind } of pairs) {
      const from = ends[opener] ?? 0;
      const to = starts[closer] ?? 0;
      if (to > from) this.#marked.push({ from, to, meaning: { case: kind, value: true } });
    }
  }
}

function piecesOf(source: string, mayLink: boolean): Piece[] {
  const pieces: Piece[] = [];
  let plain = '';
  const push = (piece: Piece): void => {
    if (plain !== '') pieces.push({ text: plain });
    plain = '';
    pieces.push(piece);
  };
  for (let at = 0; at < source.length;) {
    const found = special(source, at, mayLink);
    if (found === undefined) {
      plain += source.charAt(at);
      at += 1;
      continue;
    }
    if (found.piece !== undefined) push(found.piece);
    else plain += found.plain;
    at = found.end;
  }
  if (plain !== '') pieces.push({ text: plain });
  return pieces;
}

interface Special {
  readonly end: number;
  readonly piece?: Piece;
  readonly plain?: string;
}

function special(source: string, at: number, mayLink: boolean): Special | undefined {
  switch (source.charAt(at)) {
    case '\\': {
      const next = source.charAt(at + 1);
      return /[!-/:-@[-`{-~]/u.test(next) ? { end: at + 2, plain: next } : undefined;
    }
    case '`':
      return codeAt(source, at);
    case '<':
      return mentionAt(source, at) ?? (mayLink ? pointedAt(source, at) : undefined);
    case '[':
      return mayLink ? linkAt(source, at) : undefined;
    case 'h':
    case 'H':
    case 'm':
    case 'M':
      return mayLink && !/[A-Za-z0-9]/u.test(source.charAt(at - 1))
        ? bareAt(source, at)
        : undefined;
    case '*':
    case '_':
    case '~': {
      const run = delimiterRun(source, at);
      const piece = { text: source.slice(at, at + run.count), run };
      return { end: at + run.count, piece };
    }
    default:
      return undefined;
  }
}

function codeAt(source: string, at: number): Special {
  const fence = /`+/uy;
  fence.lastIndex = at;
  const marks = fence.exec(source)?.[0] ?? '`';
  const begin = at + marks.length;
  for (const run of source.slice(begin).matchAll(/`+/gu)) {
    if (run[0].length !== marks.length) continue;
    const inner = source.slice(begin, begin + run.index).replaceAll('\n', ' ');
    const isPadded = inner.startsWith(' ') && inner.endsWith(' ') && inner.trim() !== '';
    const text = isPadded ? inner.slice(1, -1) : inner;
    const end = begin + run.index + marks.length;
    return { end, piece: { text, meaning: { case: 'code', value: true } } };
  }
  return { end: begin, plain: marks };
}

function mentionAt(source: string, at: number): Special | undefined {
  const found = matchAt(TOKEN, source, at);
  if (found === undefined) return undefined;
  const [whole, person, all, department, shown] = found;
  const id = person ?? department ?? '';
  const text = (shown ?? `@${all ?? id}`).replace(ESCAPE, '$1');
  const meaning =
    person === undefined
      ? all === undefined
        ? { case: 'mentionDepartmentId', value: id }
        : { case: 'mentionAll', value: true }
      : { case: 'mentionPersonId', value: id };
  return { end: at + whole.length, piece: { text, meaning } };
}

function pointedAt(source: string, at: number): Special | undefined {
  const found = matchAt(POINTED, source, at);
  const address = found?.[1];
  if (address === undefined) return undefined;
  return { end: at + address.length + 2, piece: addressPiece(address) };
}

function linkAt(source: string, at: number): Special | undefined {
  const found = matchAt(LINK, source, at);
  const [whole, text, link] = found ?? [];
  if (whole === undefined || text === undefined || link === undefined) return undefined;
  return { end: at + whole.length, piece: { text, link } };
}

function bareAt(source: string, at: number): Special | undefined {
  const found = matchAt(BARE, source, at)?.[0];
  if (found === undefined) return undefined;
  const address = found.replace(/[?!.,:;*_~')]+$/u, '');
  return { end: at + address.length, piece: addressPiece(address) };
}

function addressPiece(address: string): Piece {
  return { text: address, meaning: { case: 'link', value: address } };
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source) ?? undefined;
}

/** Return a function from UTF-16 offsets, which may grow and shrink, to code points. */
function codePointsAt(text: string): (offset: number) => number {
  const points = new Uint32Array(text.length + 1);
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    points[at] = count;
    const unit = text.charCodeAt(at);
    if (unit < 0xdc00 || unit > 0xdfff) count += 1;
  }
  points[text.length] = count;
  return (offset) => points[offset] ?? count;
}

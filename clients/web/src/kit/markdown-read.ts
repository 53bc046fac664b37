import { paired } from './emphasis';
import { piecesOf } from './markdown-inline';
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

/**
 * Parse the markdown subset of the server, for the preview of a message: the stored message is
 * parsed by the server.
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
      writer.quote(from);
    } else {
      end = plainEnd(lines, at);
      writeBlocks(lines.slice(at, end), writer);
    }
    at = end;
  }
  return writer.finish();
}

/** Return the end of the unquoted lines; a quote inside a fence is ignored. */
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
    const line = lines[at] ?? '';
    const [, fence, language] = FENCE.exec(line) ?? [];
    if (fence === undefined) {
      // Emphasis ends at a blank line.
      const isBlank = line.trim() === '';
      if (isBlank) flush();
      paragraph.push(line);
      if (isBlank) flush();
      continue;
    }
    flush();
    const indent = new RegExp(`^ {0,${line.indexOf(fence)}}`, 'u');
    let end = at + 1;
    while (end < lines.length && !closes(lines[end] ?? '', fence)) end += 1;
    const content = lines.slice(at + 1, end).map((one) => one.replace(indent, ''));
    writer.code(content.join('\n'), language ?? '');
    at = end;
  }
  flush();
}

function closes(line: string, fence: string): boolean {
  const mark = FENCE.exec(line);
  return mark?.[1]?.startsWith(fence) === true && mark[2] === '';
}

/** Collects the text and its spans; offsets count UTF-16 units until the end. */
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

  /** End a quote; a repeated text mentions no one. */
  quote(from: number): void {
    const kept = this.#marked.filter(
      (one) => one.from < from || one.meaning.case?.startsWith('mention') !== true,
    );
    this.#marked.splice(0, this.#marked.length, ...kept);
    this.span(from, { case: 'quote', value: true });
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

/** Return a function from UTF-16 offsets, in any order, to code points. */
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

import { delimiterRun, type Piece } from './emphasis';

const TOKEN =
  /<(?:@([A-Za-z0-9][A-Za-z0-9_.:-]{0,127})|!(all)|!([A-Za-z0-9][A-Za-z0-9_.:-]{0,127}))(?:\|((?:[^\\<>\n]|\\[^\n]){1,256}))?>/uy;
const LINK =
  /\[((?:[^[\]\\]|\\[^\n]){0,2000})\]\([ ]*<?((?:https?|mailto|tel|plexus):[^\s<>()]{1,2000})>?(?:[ ]+"[^"\n]{0,200}")?[ ]*\)/iuy;
const POINTED = /<((?:https?|mailto|tel):[^\s<>]{1,2000})>/iuy;
const BARE = /(?:https?:\/\/|mailto:)[!#-;=?-Z_a-z~]{1,2000}/iuy;
const ESCAPE = /\\([!-/:-@[-`{-~])/gu;
const AFTER_ADDRESS = /[?!.,:;*_~']+$/u;
const HOST = /^https?:\/\/(?:[\p{L}\p{N}.-]+|\[[0-9a-f:.]+\])(?::\d+)?(?:[/?#]|$)/iu;

/** Return the parts of a paragraph: text, marks, code, mentions and links. */
export function piecesOf(source: string, mayLink: boolean): Piece[] {
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
    plain += found.plain ?? '';
    for (const piece of found.pieces ?? []) push(piece);
    at = found.end;
  }
  if (plain !== '') pieces.push({ text: plain });
  return pieces;
}

interface Special {
  readonly end: number;
  /** Plain text before the parts. */
  readonly plain?: string;
  readonly pieces?: readonly Piece[];
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
      const end = at + run.count;
      return { end, pieces: [{ text: source.slice(at, end), run }] };
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
    const inner = source.slice(begin, begin + run.index);
    const isPadded = inner.startsWith(' ') && inner.endsWith(' ') && inner.trim() !== '';
    const text = isPadded ? inner.slice(1, -1) : inner;
    const end = begin + run.index + marks.length;
    return { end, pieces: [{ text, meaning: { case: 'code', value: true } }] };
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
  return { end: at + whole.length, pieces: [{ text, meaning }] };
}

function pointedAt(source: string, at: number): Special | undefined {
  const found = matchAt(POINTED, source, at);
  const address = found?.[1];
  if (address === undefined || !isTarget(address)) return undefined;
  return { end: at + address.length + 2, pieces: [addressPiece(address)] };
}

function linkAt(source: string, at: number): Special | undefined {
  const found = matchAt(LINK, source, at);
  const [whole, text, link] = found ?? [];
  if (whole === undefined || text === undefined || link === undefined || !isTarget(link))
    return undefined;
  const end = at + whole.length;
  if (text.trim() === '') return { end, pieces: [addressPiece(link)] };
  // A text that looks like another address is followed by the real one.
  if (/https?:\/\/|www\./iu.test(text) && text !== link)
    return { end, plain: `${text} (`, pieces: [addressPiece(link), { text: ')' }] };
  return { end, pieces: [{ text, link }] };
}

function bareAt(source: string, at: number): Special | undefined {
  const found = matchAt(BARE, source, at)?.[0];
  if (found === undefined) return undefined;
  let address = found.replace(AFTER_ADDRESS, '');
  while (address.endsWith(')') && count(address, ')') > count(address, '('))
    address = address.slice(0, -1).replace(AFTER_ADDRESS, '');
  return isTarget(address)
    ? { end: at + address.length, pieces: [addressPiece(address)] }
    : undefined;
}

/** Return whether the server accepts an address: it must have a plain host and no user name. */
function isTarget(address: string): boolean {
  return !/^https?:/iu.test(address) || HOST.test(address);
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function addressPiece(address: string): Piece {
  return { text: address, meaning: { case: 'link', value: address } };
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source) ?? undefined;
}

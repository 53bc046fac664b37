const BEGINS = '\u0002';
const ENDS = '\u0003';

/** A segment of a text: a search match, or text around matches. */
export interface Stretch {
  readonly text: string;
  readonly found: boolean;
}

/** Split an excerpt at the matches marked by the search. */
export function stretchesOf(marked: string): Stretch[] {
  const stretches: Stretch[] = [];
  const [before = '', ...parts] = marked.split(BEGINS);
  push(stretches, before, false);
  for (const part of parts) {
    const end = part.indexOf(ENDS);
    push(stretches, end < 0 ? part : part.slice(0, end), end >= 0);
    if (end >= 0) push(stretches, part.slice(end + 1), false);
  }
  return stretches;
}

function push(stretches: Stretch[], text: string, found: boolean): void {
  const clean = text.replaceAll(ENDS, '').replace(/\s+/gu, ' ');
  if (clean !== '') stretches.push({ text: clean, found });
}

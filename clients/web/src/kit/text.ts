/**
 * Return the UTF-16 offset of each given code point boundary.
 *
 * Offsets of the contract count code points, those of JavaScript strings UTF-16 units.
 */
export function utf16Offsets(text: string, codePoints: readonly number[]): Map<number, number> {
  const wanted = [...new Set(codePoints)].sort((one, other) => one - other);
  const found = new Map<number, number>();
  let units = 0;
  let points = 0;
  for (const point of wanted) {
    while (points < point && units < text.length) {
      units += (text.codePointAt(units) ?? 0) > 0xffff ? 2 : 1;
      points += 1;
    }
    found.set(point, units);
  }
  return found;
}

const CONTROLS = /[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** Return a name on one line, without characters that reorder the text around it. */
export function plainName(name: string): string {
  return name.replace(CONTROLS, ' ').replace(/\s+/gu, ' ').trim();
}

/** Return the beginning of a text on one line, truncated between graphemes. */
export function excerpt(text: string, max: number): string {
  const line = plainName(text.slice(0, max * 8));
  if (line.length <= max) return line;
  let cut = '';
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(
    line,
  )) {
    if (cut.length + segment.length > max) break;
    cut += segment;
  }
  return `${cut}…`;
}

/** Return the monogram of a person: the last two Han characters, or two initials. */
export function monogram(name: string): string {
  const plain = plainName(name);
  const han = plain.match(/\p{Script=Han}/gu);
  if (han !== null) return han.slice(-2).join('');
  const words = plain.split(' ').filter((word) => word !== '');
  return words
    .slice(0, 2)
    .map((word) => word.slice(0, 1).toUpperCase())
    .join('');
}

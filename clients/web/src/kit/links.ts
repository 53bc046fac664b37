export interface TextPart {
  readonly text: string;
  /** An http(s) address; undefined for plain text. */
  readonly address?: string;
}

// Ends before white space, quotes and Chinese punctuation, which are not part of addresses.
const ADDRESS = /https?:\/\/[^\s<>"'“”‘’，。；：！？、（）《》【】]+/giu;
const TRAILING = /[.,;:!?)\]}]+$/u;

/** Split a plain text at its web addresses. Addresses with other schemes stay text. */
export function linksIn(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, '');
    if (!isAddress(address)) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: address, address });
    end = match.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

function isAddress(text: string): boolean {
  try {
    return new URL(text).hostname !== '';
  } catch {
    return false;
  }
}

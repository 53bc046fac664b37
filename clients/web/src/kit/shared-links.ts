import { safeAddress, type TextSpan } from './rich-text';

/** An address that a message links to or attaches. */
export interface SharedLink {
  readonly address: string;
  readonly label: string;
}

interface Source {
  readonly text: string;
  readonly spans: readonly TextSpan[];
  readonly attachments: readonly { readonly name: string; readonly url: string }[];
}

/** Return the safe addresses of a message, each once. */
export function linksOf({ text, spans, attachments }: Source): SharedLink[] {
  const points = Array.from(text);
  const found = new Map<string, SharedLink>();
  for (const { start, length, meaning } of spans) {
    if (meaning.case !== 'link') continue;
    const address = safeAddress(String(meaning.value));
    const label = points.slice(start, start + length).join('');
    if (address !== undefined && !found.has(address)) found.set(address, { address, label });
  }
  for (const { name, url } of attachments) {
    const address = safeAddress(url);
    if (address !== undefined && !found.has(address))
      found.set(address, { address, label: name || url });
  }
  return [...found.values()];
}

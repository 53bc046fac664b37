/** Returns whether a query matches a text: by characters, pinyin or initials of the pinyin. */
export type Matcher = (text: string, query: string) => boolean;

/** Match by characters, and by the first letters of words. */
export const byCharacters: Matcher = (text, query) => {
  const wanted = query.toLowerCase().trim();
  const plain = text.toLowerCase();
  if (plain.includes(wanted)) return true;
  const initials = plain
    .split(/[\s\-_./]+/u)
    .map((word) => word.slice(0, 1))
    .join('');
  return initials.includes(wanted.replaceAll(' ', ''));
};

let loading: Promise<Matcher> | undefined;

/** Load the dictionary of pinyin, which is too large for the first load. */
export function loadMatcher(): Promise<Matcher> {
  loading ??= import('pinyin-pro').then(({ match }) => (text, query) => {
    if (byCharacters(text, query)) return true;
    return (
      /^[a-z\s']+$/iu.test(query) &&
      match(text, query.replaceAll("'", ''), { continuous: true }) !== null
    );
  });
  return loading;
}

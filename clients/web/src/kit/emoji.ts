/** Reactions offered first, in their canonical form. */
export const QUICK_REACTIONS = ['👍', '❤️', '😂', '🎉', '👀', '✅', '🙏', '👌'] as const;

/** Codes in messages older than the server's canonical form of emoji. */
const PICTURES = new Map<string, string>([
  ['thumbsup', '👍'],
  ['heart', '❤️'],
  ['joy', '😂'],
  ['tada', '🎉'],
  ['eyes', '👀'],
  ['white_check_mark', '✅'],
  ['pray', '🙏'],
  ['ok_hand', '👌'],
  ['+1', '👍'],
  ['-1', '👎'],
  ['thumbsdown', '👎'],
  ['smile', '😄'],
  ['fire', '🔥'],
  ['rocket', '🚀'],
  ['clap', '👏'],
  ['raised_hands', '🙌'],
  ['thinking_face', '🤔'],
  ['cry', '😢'],
  ['100', '💯'],
  ['wave', '👋'],
]);

/** Return the picture of an emoji; the code of a custom one in colons. */
export function picture(emoji: string): string {
  return PICTURES.get(emoji) ?? (/^[\w+-]+$/u.test(emoji) ? `:${emoji}:` : emoji);
}

interface Reaction {
  readonly emoji: string;
  readonly personIds: readonly string[];
}

/** Return one reaction per picture: older messages may contain an emoji in several forms. */
export function mergedReactions(reactions: readonly Reaction[]): Reaction[] {
  const merged = new Map<string, { emoji: string; people: Set<string> }>();
  for (const { emoji, personIds } of reactions) {
    const shown = picture(emoji);
    const key = shown.replaceAll('\u{FE0F}', '');
    const found = merged.get(key) ?? { emoji: shown, people: new Set<string>() };
    merged.set(key, found);
    for (const id of personIds) found.people.add(id);
  }
  return [...merged.values()].map(({ emoji, people }) => ({ emoji, personIds: [...people] }));
}

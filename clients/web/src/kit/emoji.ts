/** Reactions that are offered first: shortcode and picture. */
export const QUICK_REACTIONS = [
  ['thumbsup', '👍'],
  ['heart', '❤️'],
  ['joy', '😂'],
  ['tada', '🎉'],
  ['eyes', '👀'],
  ['white_check_mark', '✅'],
  ['pray', '🙏'],
  ['ok_hand', '👌'],
] as const;

const PICTURES = new Map<string, string>([
  ...QUICK_REACTIONS,
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

/** Return the picture of a shortcode; the code itself where there is none. */
export function picture(emoji: string): string {
  return PICTURES.get(emoji) ?? (/^[\w+-]+$/u.test(emoji) ? `:${emoji}:` : emoji);
}

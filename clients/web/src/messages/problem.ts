import type { Messages } from './messages';

/** Return the text of a problem for the user: the cause and a remedy. */
export function problemText(
  problem: {
    readonly kind: 'network' | 'busy' | 'unauthenticated' | 'refused';
    readonly reason: string;
  },
  messages: Messages,
  /** Texts of the scene, which take precedence over those of the catalogue. */
  scene: Readonly<Record<string, string>> = {},
): string {
  const { reasons, refused, ...kinds } = messages.problems;
  const known = scene[problem.reason] ?? reasons[problem.reason];
  if (known !== undefined) return known;
  return problem.kind === 'refused' ? refused(problem.reason) : kinds[problem.kind];
}

import type { Messages } from './messages';

/** Return what a person reads about a problem: the cause, and what to do. */
export function problemText(
  problem: {
    readonly kind: 'network' | 'busy' | 'unauthenticated' | 'refused';
    readonly reason: string;
  },
  messages: Messages,
  /** Of the scene, before those of the catalogue. */
  scene: Readonly<Record<string, string>> = {},
): string {
  const { reasons, refused, ...kinds } = messages.problems;
  const known = scene[problem.reason] ?? reasons[problem.reason];
  if (known !== undefined) return known;
  return problem.kind === 'refused' ? refused(problem.reason) : kinds[problem.kind];
}

import { useRef, useState } from 'react';

import type { Problem } from '@/api/problems';

/**
 * Changes that are saved at once. Unlike with `useTask`, a change made while an earlier one is
 * being saved is saved as well.
 */
export function useChanges() {
  const [isDone, setDone] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  const latest = useRef(0);
  /** Save a change; show the result of the latest one, or the first problem. */
  async function run(change: () => Promise<Problem | undefined>): Promise<void> {
    latest.current += 1;
    const number = latest.current;
    setDone(false);
    setProblem(undefined);
    const found = await change();
    if (found !== undefined) setProblem(found);
    else if (number === latest.current) setDone(true);
  }
  return { isDone, problem, run };
}

import { useState } from 'react';

import type { Problem } from '@/api/problems';

/** One change at a time with its state: running, done, or its problem. */
export function useTask() {
  const [busy, setBusy] = useState(false);
  const [isDone, setDone] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  /** Run a change; return whether it was done. */
  async function run(change: () => Promise<Problem | undefined>): Promise<boolean> {
    if (busy) return false;
    setBusy(true);
    setDone(false);
    setProblem(undefined);
    const found = await change();
    setProblem(found);
    setDone(found === undefined);
    setBusy(false);
    return found === undefined;
  }
  return { busy, isDone, problem, run };
}

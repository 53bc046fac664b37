import { useState } from 'react';

import type { Problem } from '@/api/problems';

/** One submission at a time, and the problem of the last one. */
export function useAttempt() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  async function attempt(call: () => Promise<Problem | undefined>): Promise<void> {
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    setProblem(await call());
    setBusy(false);
  }
  return { busy, problem, attempt };
}

import { Cell, useCell } from './cell';

const TICK_MS = 30_000;

const now = new Cell(Date.now());
setInterval(() => now.set(Date.now()), TICK_MS);

/** Return the current time rounded down to half a minute; render again when it changes. */
export function useNow(): number {
  return useCell(now);
}

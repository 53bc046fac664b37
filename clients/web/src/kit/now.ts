import { Cell, useCell } from './cell';

const TICK_MS = 30_000;

const now = new Cell(Date.now());
setInterval(() => now.set(Date.now()), TICK_MS);

/** Return the time of now, as of the last half minute; renders again when it moves on. */
export function useNow(): number {
  return useCell(now);
}

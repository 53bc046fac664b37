const DAY_MINUTES = 1440;

/** Return minutes after midnight as `HH:MM`. */
export function clockOf(minutes: number): string {
  const part = (value: number): string => `${value}`.padStart(2, '0');
  return `${part(Math.floor(minutes / 60))}:${part(minutes % 60)}`;
}

/** Return `HH:MM` as minutes after midnight. */
export function minutesOf(clock: string): number {
  const [hours = '0', minutes = '0'] = clock.split(':');
  return Number(hours) * 60 + Number(minutes);
}

interface Window {
  readonly startMinute: number;
  /** On the next day if not after the start. */
  readonly endMinute: number;
}

/** Return whether windows of a day overlap, including the first one of the next day. */
export function overlaps(windows: readonly Window[]): boolean {
  const sorted = [...windows].sort((one, other) => one.startMinute - other.startMinute);
  return sorted.some((window, index) => {
    const end = window.endMinute + (window.endMinute > window.startMinute ? 0 : DAY_MINUTES);
    const next = sorted[index + 1];
    const first = sorted[0]?.startMinute ?? 0;
    return end > (next?.startMinute ?? first + DAY_MINUTES);
  });
}

/** Working hours in the person's time zone, as in the contract. */
export interface Hours {
  /** 1 Monday to 7 Sunday: days on which windows begin. */
  readonly weekdays: readonly number[];
  /** In minutes after midnight; an end that is not after its start is on the next day. */
  readonly windows: readonly { readonly startMinute: number; readonly endMinute: number }[];
}

export const USUAL_HOURS: Hours = {
  weekdays: [1, 2, 3, 4, 5],
  windows: [
    { startMinute: 540, endMinute: 720 },
    { startMinute: 810, endMinute: 1080 },
  ],
};

const DAY = 1440;
const WEEK = 7 * DAY;

export interface Clock {
  /** 1 Monday to 7 Sunday. */
  readonly weekday: number;
  readonly minute: number;
}

export interface Work {
  readonly isWorking: boolean;
  /** Time of the next change in the same zone; undefined for hours without windows. */
  readonly changes: Clock | undefined;
}

/** Return day and minute of an instant in a zone; in the browser's zone if it is unknown. */
export function clockIn(zone: string, at: number): Clock {
  const parts = formatIn(zone).formatToParts(at);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  const weekday = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(part('weekday')) + 1;
  return { weekday, minute: (Number(part('hour')) % 24) * 60 + Number(part('minute')) };
}

/** Return whether a person works at a time, and the time of the next change. */
export function workAt({ weekdays, windows }: Hours, { weekday, minute }: Clock): Work {
  const now = (weekday - 1) * DAY + minute;
  const stretches = weekdays.flatMap((day) =>
    windows.map(({ startMinute, endMinute }) => {
      const start = (day - 1) * DAY + startMinute;
      const length =
        endMinute > startMinute ? endMinute - startMinute : endMinute - startMinute + DAY;
      return { start, length };
    }),
  );
  const current = stretches.find(({ start, length }) => after(start, now) < length);
  if (current !== undefined)
    return { isWorking: true, changes: clockAt((current.start + current.length) % WEEK) };
  const waits = stretches.map(({ start }) => ({ start, wait: after(now, start) }));
  const next = waits.sort((one, other) => one.wait - other.wait)[0];
  return { isWorking: false, changes: next === undefined ? undefined : clockAt(next.start) };
}

/** Return the number of minutes from the first to the second minute of the week. */
function after(first: number, second: number): number {
  return (second - first + WEEK) % WEEK;
}

function clockAt(minute: number): Clock {
  return { weekday: Math.floor(minute / DAY) + 1, minute: minute % DAY };
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatIn(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const options = { weekday: 'short', hour: '2-digit', minute: '2-digit', hour12: false } as const;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { ...options, timeZone: zone });
  } catch {
    // A zone that this browser does not know.
    format = new Intl.DateTimeFormat('en-US', options);
  }
  formats.set(zone, format);
  return format;
}

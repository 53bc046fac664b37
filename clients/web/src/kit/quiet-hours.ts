import { minutesOf } from './clock';

/** A window without disturbing notifications, in the person's time zone (NTF-3). */
export interface QuietWindow {
  readonly enabled: boolean;
  /** `HH:MM`, inclusive. */
  readonly start: string;
  /** `HH:MM`, exclusive; on the next day if not after the start. */
  readonly end: string;
  /** 1 Monday to 7 Sunday: days on which a window starts; empty: every day. */
  readonly weekdays: readonly number[];
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Return whether a moment is in the quiet hours. */
export function isQuiet(window: QuietWindow, zone: string, now: number): boolean {
  if (!window.enabled) return false;
  const { weekday, minute } = clockIn(zone, now);
  const start = minutesOf(window.start);
  const end = minutesOf(window.end);
  const today = startsOn(window, weekday);
  if (start < end) return today && minute >= start && minute < end;
  const yesterday = startsOn(window, weekday === 1 ? 7 : weekday - 1);
  return (today && minute >= start) || (yesterday && minute < end);
}

function startsOn({ weekdays }: QuietWindow, weekday: number): boolean {
  return weekdays.length === 0 || weekdays.includes(weekday);
}

function clockIn(zone: string, now: number): { weekday: number; minute: number } {
  const parts = new Intl.DateTimeFormat('en-US', {
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...(zone === '' ? {} : { timeZone: zone }),
  }).formatToParts(now);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return {
    weekday: DAYS.indexOf(part('weekday')) + 1,
    minute: Number(part('hour')) * 60 + Number(part('minute')),
  };
}

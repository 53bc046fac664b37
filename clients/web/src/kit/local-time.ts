const MORNING = 9;
const MONDAY = 1;

/** Return a time in the format of date and time inputs: `YYYY-MM-DDTHH:MM` in the local zone. */
export function localMinute(time: number): string {
  const date = new Date(time);
  const pad = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day}T${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** Return the time of a local date or minute; undefined for anything else. */
export function timeOf(local: string): number | undefined {
  // A date alone would be parsed as UTC.
  const time = new Date(local.length === 10 ? `${local}T00:00` : local).getTime();
  return Number.isNaN(time) ? undefined : time;
}

/** Return 9:00 of the day after a time. */
export function tomorrowMorning(now: number): number {
  const date = new Date(now);
  date.setDate(date.getDate() + 1);
  return date.setHours(MORNING, 0, 0, 0);
}

/** Return 9:00 of the first Monday after the day of a given time. */
export function mondayMorning(now: number): number {
  const date = new Date(now);
  date.setDate(date.getDate() + ((MONDAY - date.getDay() + 6) % 7) + 1);
  return date.setHours(MORNING, 0, 0, 0);
}

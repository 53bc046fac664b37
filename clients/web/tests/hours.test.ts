import { describe, expect, it } from 'vitest';

import { clockOf, minutesOf, overlaps } from '@/kit/clock';
import { bytesOf, textOf } from '@/kit/passkeys';
import { isQuiet, type QuietWindow } from '@/kit/quiet-hours';
import { timeIn, timeZones } from '@/kit/time-zones';

// 2026-11-30 is a Monday.
const MONDAY_22 = Date.UTC(2026, 10, 30, 14, 0); // 22:00 in Shanghai
const HOUR = 3_600_000;
const ZONE = 'Asia/Shanghai';

function night(weekdays: number[] = []): QuietWindow {
  return { enabled: true, start: '22:00', end: '08:00', weekdays };
}

describe('quiet hours', () => {
  it('include their start, exclude their end and cross midnight', () => {
    const quiet = [-1, 0, 9, 10].map((hours) => isQuiet(night(), ZONE, MONDAY_22 + hours * HOUR));
    expect(quiet).toEqual([false, true, true, false]);
  });

  it('count the day on which the window starts', () => {
    const onMonday = night([1]);
    expect(isQuiet(onMonday, ZONE, MONDAY_22)).toBe(true);
    expect(isQuiet(onMonday, ZONE, MONDAY_22 + 5 * HOUR)).toBe(true);
    expect(isQuiet(onMonday, ZONE, MONDAY_22 + 24 * HOUR)).toBe(false);
    expect(isQuiet(night([7]), ZONE, MONDAY_22 - 15 * HOUR)).toBe(true);
  });

  it('follow the zone of the person, and are nothing while they are off', () => {
    expect(isQuiet(night(), 'Europe/London', MONDAY_22)).toBe(false);
    expect(isQuiet({ ...night(), enabled: false }, ZONE, MONDAY_22)).toBe(false);
  });

  it('may lie within one day', () => {
    const noon = { enabled: true, start: '12:00', end: '13:30', weekdays: [] };
    const at = [-10.5, -10, -9, -8.5].map((hours) => isQuiet(noon, ZONE, MONDAY_22 + hours * HOUR));
    expect(at).toEqual([false, true, true, false]);
  });
});

describe('working hours', () => {
  it('are written as a clock shows them', () => {
    expect([0, 545, 1439].map(clockOf)).toEqual(['00:00', '09:05', '23:59']);
    expect(['00:00', '09:05', '23:59'].map(minutesOf)).toEqual([0, 545, 1439]);
  });

  it('overlap within a day, and over midnight into the next', () => {
    const morning = { startMinute: 540, endMinute: 720 };
    expect(overlaps([morning, { startMinute: 720, endMinute: 1080 }])).toBe(false);
    expect(overlaps([morning, { startMinute: 700, endMinute: 1080 }])).toBe(true);
    expect(overlaps([morning, { startMinute: 1320, endMinute: 540 }])).toBe(false);
    expect(overlaps([morning, { startMinute: 1320, endMinute: 600 }])).toBe(true);
  });
});

describe('time zones', () => {
  it('name their distance from UTC, and include the one in use', () => {
    const zones = timeZones('Asia/Shanghai');
    expect(zones).toContainEqual({ value: 'Asia/Shanghai', label: 'Asia/Shanghai (UTC+8)' });
    expect(zones.filter(({ value }) => value === 'UTC')).toHaveLength(1);
    expect(timeIn('Asia/Shanghai', MONDAY_22, 'en')).toBe('22:00');
  });
});

describe('base64url', () => {
  it('reads what it writes, without padding', () => {
    const bytes = Uint8Array.from([251, 255, 254, 0]);
    expect(textOf(bytes.buffer)).toBe('-__-AA');
    expect([...bytesOf('-__-AA')]).toEqual([251, 255, 254, 0]);
  });
});

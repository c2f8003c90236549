/** Clocks of zones: what time of day it is somewhere, and when a clock there shows a time. */

const minuteMs = 60_000;
const dayMs = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** The zone of this machine. */
export function machineZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** A day of the calendar: year, month from 1, day of the month. */
export type CalendarDay = readonly [year: number, month: number, day: number];

/** What the clock of a zone shows at a time, as if it were UTC: milliseconds since 1970. */
export function wallClock(ms: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    const numbers = { year: 'numeric', month: 'numeric', day: 'numeric' } as const;
    const time = { hour: 'numeric', minute: 'numeric', second: 'numeric', hourCycle: 'h23' } as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, calendar: 'gregory', ...numbers, ...time });
    formats.set(zone, format);
  }
  const at: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) at[type] = Number(value);
  return Date.UTC(at['year']!, at['month']! - 1, at['day'], at['hour'], at['minute'], at['second']);
}

/**
 * When the clock of a zone first shows a time of a day (`minutes` after midnight, which may be more than a day). A time
 * that the clock leaves out is taken to be the moment at which it goes on.
 */
export function instantOf([year, month, day]: CalendarDay, minutes: number, zone: string): number {
  const wall = Date.UTC(year, month - 1, day) + minutes * minuteMs;
  const offset = (ms: number) => wallClock(ms, zone) - Math.floor(ms / 1000) * 1000;
  // A clock is changed once in two days at most, so these are the offsets before and after a change nearby.
  const [before, after] = [offset(wall - dayMs), offset(wall + dayMs)];
  const fitting = [wall - before, wall - after].filter((ms) => wallClock(ms, zone) === wall);
  if (fitting.length > 0) return Math.min(...fitting);
  let [low, high] = [wall - after, wall - before];
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offset(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** Numbers, bytes, spans and instants as the page shows them. */

const grouped = new Intl.NumberFormat('en-GB');
const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** A whole number with groups of three: 12,345. */
export function number(value: number): string {
  return grouped.format(value);
}

/** `1 account`, `2 accounts`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`;
}

/** Bytes in the unit that suits them, powers of ten, as the reports have them. */
export function bytes(value: number): string {
  const whole = Math.max(0, value);
  let power = 0;
  // What would be rounded to 1000 is one of the next unit.
  while (power < units.length - 1 && whole / 1000 ** power >= (power === 0 ? 1000 : 999.95)) power += 1;
  return `${power === 0 ? Math.round(whole) : (whole / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** How many a second: few with a fraction, many without. */
export function rate(value: number): string {
  if (value === 0) return '0';
  if (value < 0.1) return '< 0.1';
  return value < 10 ? value.toFixed(1) : number(Math.round(value));
}

/** A part of a whole in per cent; never 100 % before it is whole, never 0 % once it has begun. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return '–';
  if (part >= whole) return '100 %';
  const value = (part / whole) * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${Math.min(99.9, value).toFixed(1)} %`;
}

/** A span in its two largest units: `3 d 4 h`, `12 min`, `8 s`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(hours, 'h', minutes % 60, 'min');
  return joined(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** An instant as seen from `now`: `in 5 min`, `2 h ago`, `now`. */
export function relative(atMs: number, nowMs: number): string {
  const seconds = (atMs - nowMs) / 1000;
  if (Math.abs(seconds) < 1) return 'now';
  return seconds > 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`;
}

/** The time of day where that is today, else with the date: `14:03:22`, `2026-11-21 14:03`. Local time of the reader. */
export function instant(atMs: number, nowMs: number): string {
  const [at, now] = [new Date(atMs), new Date(nowMs)];
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === now.toDateString()) return `${clock}:${two(at.getSeconds())}`;
  return `${date(at)} ${clock}`;
}

/** An instant in full, local time of the reader: `2026-11-21 14:03:22`. */
export function fullInstant(atMs: number): string {
  const at = new Date(atMs);
  return `${date(at)} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

function date(at: Date): string {
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

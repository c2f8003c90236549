/** The setting `schedules`: what its texts mean, and the schema that finds what is wrong with them. */
import * as z from 'zod';
import { cronFault } from './cron.ts';

/** How often an account is due. */
export type Recurrence =
  | { readonly kind: 'once' }
  | { readonly kind: 'every'; readonly ms: number }
  | { readonly kind: 'cron'; readonly pattern: string };

/** A part of the week in which runs may be under way. */
export interface Window {
  /** Days on which it opens: 0 is Sunday, as in `Date`. */
  readonly days: readonly number[];
  /** Minutes after midnight; `to` is more than 1440 where the window ends on the day after. */
  readonly from: number;
  readonly to: number;
}

/** A point of time as somebody wrote it: with its own offset, or by the clock of a zone. */
export type WrittenTime =
  | { readonly kind: 'instant'; readonly ms: number }
  | { readonly kind: 'local'; readonly day: readonly [number, number, number]; readonly minutes: number };

const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const longestMs = 366 * unitMs.d;
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const everyDay = [0, 1, 2, 3, 4, 5, 6];

/** Reads `once`, `every 6h` or `cron 0 2 * * *`. Throws an Error that says what is wrong. */
export function readWhen(text: string): Recurrence {
  if (text.trim() === 'once') return { kind: 'once' };
  const [, number, unit] = /^\s*every\s+(\d{1,6})\s*([smhd])\s*$/.exec(text) ?? [];
  if (number !== undefined) {
    const ms = Number(number) * unitMs[unit as keyof typeof unitMs];
    if (ms === 0 || ms > longestMs) throw new Error('expected "every" with a time from 1s to 366d');
    return { kind: 'every', ms };
  }
  const pattern = /^\s*cron\s+(.+?)\s*$/.exec(text)?.[1];
  if (pattern === undefined) throw new Error('expected "once", "every 30m|6h|1d" or "cron 0 2 * * *"');
  const fault = cronFault(pattern);
  if (fault !== undefined) throw new Error(`expected five cron fields that come up: ${fault}`);
  return { kind: 'cron', pattern };
}

/** Reads `22:00-06:00`, `Sat-Sun 00:00-24:00` or `Mon,Wed 08:00-12:00`. Throws an Error that says what is wrong. */
export function readWindow(text: string): Window {
  const parts = /^\s*(?:(\S+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$/.exec(text);
  if (!parts) throw new Error('expected a window such as "22:00-06:00" or "Sat-Sun 00:00-24:00"');
  const [from, to] = [minutesOf(parts[2]!, parts[3]!), minutesOf(parts[4]!, parts[5]!)];
  if (from >= 1440 || to > 1440) throw new Error('expected times of day from 00:00 to 24:00');
  if (from === to) throw new Error('expected a window that is not empty; a whole day is "00:00-24:00"');
  return { days: parts[1] === undefined ? everyDay : daysOf(parts[1]), from, to: to < from ? to + 1440 : to };
}

function minutesOf(hours: string, minutes: string): number {
  return Number(minutes) > 59 ? Number.POSITIVE_INFINITY : Number(hours) * 60 + Number(minutes);
}

function daysOf(text: string): number[] {
  const days = new Set<number>();
  for (const part of text.toLowerCase().split(',')) {
    const [first = -1, last = first, ...more] = part.split('-').map((name) => dayNames.indexOf(name));
    if (first < 0 || last < 0 || more.length > 0)
      throw new Error('expected days such as "Mon", "Sat-Sun" or "Mon,Thu"');
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort();
}

/** Reads `2026-12-01`, `2026-12-01 22:00` (by the clock of a zone) or `2026-12-01T22:00Z`, `…+01:00`. Throws an Error. */
export function readTime(text: string): WrittenTime {
  const parts = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/.exec(text);
  const fault = new Error('expected a time such as "2026-12-01 22:00" or "2026-12-01T22:00:00Z"');
  if (!parts) throw fault;
  const [year, month, day, hour, minute] = parts.slice(1, 6).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(Date.UTC(year, month - 1, day));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59) throw fault;
  if (parts[6] !== undefined) return { kind: 'instant', ms: Date.parse(text.replace(' ', 'T')) };
  return { kind: 'local', day: [year, month, day], minutes: hour * 60 + minute };
}

/** True for a name that the time zone database of this program knows (IANA). */
export function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** A text that `read` takes; what it throws is the complaint. */
function readable(read: (text: string) => unknown) {
  return z.string().superRefine((text, context) => {
    try {
      read(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
    }
  });
}

const zone = z.string().refine(isZone, 'expected the name of a time zone, such as "Europe/Oslo" or "UTC"');
const fields = z.strictObject({
  when: readable(readWhen),
  windows: z.array(readable(readWindow)).max(50),
  zone: zone.nullable(),
  priority: z.number().int().min(-1000).max(1000),
  startAt: readable(readTime).nullable(),
  cutOverAt: readable(readTime).nullable(),
  order: z.enum(['oldest', 'newest']),
  stopAfterCleanRuns: z.number().int().min(0).max(1000),
});

/** The schema of the setting: all fields in `default`, those that differ in `groups` and `accounts`. */
export const schedulesSchema = z.strictObject({
  default: fields,
  groups: z.record(z.string(), fields.partial()),
  accounts: z.record(z.string(), fields.partial()),
});

/** The setting as it was written and checked. */
export type Schedules = Readonly<z.infer<typeof schedulesSchema>>;

/** The fields of one account's schedule, as they were written and checked. */
export type ScheduleFields = Readonly<z.infer<typeof fields>>;

/** Dates that are not as RFC 5322 wants them: the forms that stand in real mail, and no guess where one may mean two. */
import { monthOf, spelledZones, zones } from './date-names.ts';
import { type WrittenDate, zoneOf } from './date-parts.ts';
import type { PlainDate } from './date-text.ts';

type Day = Pick<WrittenDate, 'year' | 'month' | 'day'>;
type Time = Pick<WrittenDate, 'hour' | 'minute' | 'second'>;

/** A clock found in a text, and what stands around it. */
interface Clock {
  readonly before: string;
  readonly after: string;
  /** Undefined where it shows what no clock can. */
  readonly time: Time | undefined;
}

const midnight: Time = { hour: 0, minute: 0, second: 0 };

// `10:20`, `9:5:3`, `10:20: 30`, `10:20:30.123`, `10:20 PM`, `10h20`
const clockShape =
  /(?<![\d:+-])(\d{1,2})(?:: ?|h)(\d{1,2})(?:: ?(\d{1,2})(?:[.,]\d{1,9})?)?(?![\d:])(?: ?([ap])\.? ?m\b\.?)?/;
const dottedClock = /(?<![\d.])(\d{1,2})\.(\d\d)(?:\.(\d\d))?(?![\d.])(?: ?([ap])\.? ?m\b\.?)?/;
// ISO 8601 without its separators
const denseIso = /\b(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)/;
const numericZone = /(?:^|(?<= )|(?:gmt|utc?|z) ?)([+-]{1,2})(\d{1,2}):?(\d\d)?(?![\d-])/;
const weekdayShape = /^(?:sun|mon|tue|wed|thu|fri|sat)/;
const weekdayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
/** Words that stand in dates and say nothing. */
const fillers = new Set(
  't st nd rd th er o de del den of the le la am um uhr kl at a on em om alle ore date'.split(' '),
);

/** What a date shows, whatever its form; undefined where it is none or where it is ambiguous. */
export function looseDate({ text, comment }: PlainDate): WrittenDate | undefined {
  const { before, after, time } = clockOf(text.replace(denseIso, '$1-$2-$3t$4:$5:$6'));
  if (!time) return undefined;
  const numeric = numericZone.exec(after);
  const rest = numeric ? after.replace(numeric[0], ' ') : after;
  // In `4 Mar 2014 10:20:30 CET` all of the date stands before the clock, in `Tue Mar 4 10:20:30 CET 2014` not
  const early = dayOf(before);
  const day = early ?? dayOf(`${before} ${datesOnly(rest)}`);
  if (!day) return undefined;
  const zone = numeric ? signedZone(numeric) : (bareZone(rest, early !== undefined) ?? namedZone(rest, comment));
  return { ...day, ...time, zone };
}

function clockOf(text: string): Clock {
  // `04.03.14 10.20` may be read in two ways; a month's name or a year of four digits tells which part is the day
  const dotted = /[a-z]{3}|\d{4}/.test(text) ? dottedClock.exec(text) : null;
  const match = clockShape.exec(text) ?? dotted;
  // A date alone is the beginning of its day
  if (!match)
    return { before: text.replace(numericZone, ' '), after: numericZone.exec(text)?.[0] ?? '', time: midnight };
  const [whole, hour, minute, second = '0', half] = match;
  const time = timeOf(Number(hour), half, Number(minute), Number(second));
  return { before: text.slice(0, match.index), after: text.slice(match.index + whole.length), time };
}

/** `half` is `a` or `p`, of AM and PM; undefined where neither stands. */
function timeOf(hour: number, half: string | undefined, minute: number, second: number): Time | undefined {
  if (half === 'a' && hour > 12) return undefined;
  if (half === 'a' && hour === 12) return { hour: 0, minute, second };
  return { hour: half === 'p' && hour < 12 ? hour + 12 : hour, minute, second };
}

function datesOnly(text: string): string {
  return text.replace(/[a-z?]+/g, (word) => (monthOf(word) !== undefined || weekdayShape.test(word) ? word : ' '));
}

/** The day in a text of words and numbers. A first word that is not known is a weekday of some language. */
function dayOf(text: string): Day | undefined {
  const words = text.match(/[a-z?]+|\d+/g) ?? [];
  const numbers = words.filter((word) => /^\d/.test(word));
  const named = words.filter((word) => monthOf(word) !== undefined);
  const known = (word: string, i: number) =>
    i === 0 || /^\d/.test(word) || named.includes(word) || fillers.has(word) || weekdayShape.test(word);
  if (!words.every(known)) return undefined;
  // `mar` is March and, in front of another month, the Tuesday of three languages
  if (named.length === 2 && named[0] === words[0] && /^mar(?:t|d|$)/.test(named[0]!)) named.shift();
  if (named.length === 1) return wordedDay(monthOf(named[0]!)!, numbers);
  const weekday = words.find((word) => weekdayShape.test(word));
  return named.length === 0 ? numericDay(numbers, weekday && weekdayNames.indexOf(weekday.slice(0, 3))) : undefined;
}

function isYear(text: string): boolean {
  return text.length > 2 || Number(text) > 31;
}

function wordedDay(month: number, numbers: readonly string[]): Day | undefined {
  const [a, b, more] = numbers;
  if (a === undefined || b === undefined || more !== undefined || (isYear(a) && isYear(b))) return undefined;
  // RFC 822 §5.1 has the day first where both have two digits
  const [day, yearText] = isYear(a) ? [b, a] : [a, b];
  const year = yearOf(yearText);
  return year === undefined ? undefined : { year, month, day: Number(day) };
}

function numericDay(numbers: readonly string[], weekday: number | '' | undefined): Day | undefined {
  const [a, b, c, more] = numbers;
  const dense = numbers.length === 1 ? /^((?:19|20)\d\d)(\d\d)(\d\d)$/.exec(a!) : null;
  if (dense) return firstReal([dayFrom(dense[1]!, dense[2]!, dense[3]!)]);
  if (a === undefined || b === undefined || c === undefined || more !== undefined) return undefined;
  if (isYear(a)) return firstReal([dayFrom(a, b, c)]);
  if (!isYear(c)) return undefined;
  const readings = [dayFrom(c, b, a), dayFrom(c, a, b)].filter((day) => day !== undefined);
  if (readings.length < 2 || a === b) return firstReal(readings);
  // 05/06/2003 is two days; its weekday may tell which
  const agreeing = readings.filter(
    ({ year, month, day }) => new Date(Date.UTC(year, month, day)).getUTCDay() === weekday,
  );
  return agreeing.length === 1 ? agreeing[0] : undefined;
}

function firstReal(days: readonly (Day | undefined)[]): Day | undefined {
  return days.find((day) => day !== undefined);
}

function dayFrom(yearText: string, monthText: string, dayText: string): Day | undefined {
  const [year, month, day] = [yearOf(yearText), Number(monthText), Number(dayText)];
  if (year === undefined || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  return { year, month: month - 1, day };
}

/**
 * RFC 5322 §4.3: two digits below 50 are of this century, other short years count from 1900. Programs that were not
 * ready for 2000 wrote 102, 0102 and 19102 for 2002.
 */
function yearOf(text: string): number | undefined {
  if (text.length === 2) return Number(text) < 50 ? 2000 + Number(text) : 1900 + Number(text);
  if (text.length === 3) return 1900 + Number(text);
  if (text.length === 4) return text.startsWith('0') ? yearOf(text.slice(text.startsWith('00') ? 2 : 1)) : Number(text);
  return /^191\d\d$/.test(text) ? 1900 + Number(text.slice(2)) : undefined;
}

function signedZone([, sign, hours, minutes = '0']: RegExpExecArray): number {
  // `--0400` is a slip for one sign; with two kinds of sign nobody knows
  return sign === '+-' || sign === '-+' ? 0 : zoneOf(sign!.startsWith('-'), Number(hours), Number(minutes));
}

/** ` 0200`, of which a decoder of forms made the `+` a blank; not where the number may be the year. */
function bareZone(after: string, dateComplete: boolean): number | undefined {
  const match = dateComplete ? /^ ?([01]\d)([0-5]\d)\.?$/.exec(after) : null;
  return match ? zoneOf(false, Number(match[1]), Number(match[2])) : undefined;
}

function namedZone(after: string, comment: string): number {
  const inside = zoneWord(after);
  if (inside !== undefined) return inside;
  const numeric = numericZone.exec(comment);
  // RFC 5322 §4.3: an unknown zone name is read as -0000
  return numeric ? signedZone(numeric) : (zoneWord(comment) ?? 0);
}

function zoneWord(text: string): number | undefined {
  const spelled = spelledZones.find(([shape]) => shape.test(text));
  if (spelled) return spelled[1];
  const words = text.match(/[a-z]+/g) ?? [];
  const at = words.findIndex((word) => zones.has(word));
  // `MET DST`: the same zone in summer
  return at === -1 ? undefined : zones.get(words[at]!)! + (words[at + 1] === 'dst' ? 60 : 0);
}

/** When a message arrived: the INTERNALDATE it gets at the destination (design §7). */
import type { HeaderFields } from './header.ts';

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** RFC 5322 §4.3: the obsolete zone names, in minutes east of Greenwich. */
const zones: Readonly<Record<string, number>> = {
  ut: 0,
  gmt: 0,
  utc: 0,
  z: 0,
  est: -300,
  edt: -240,
  cst: -360,
  cdt: -300,
  mst: -420,
  mdt: -360,
  pst: -480,
  pdt: -420,
};

/** A moment with the zone it was written in. */
export interface ZonedDate {
  /** Milliseconds since 1970. */
  time: number;
  /** Minutes east of Greenwich. */
  zone: number;
}

/**
 * The arrival of a message: the newest Received line with a believable date, else Date, else undefined, which lets
 * the server decide. Believable is from 1970 to a day after `now`: servers refuse what lies far in the future.
 */
export function arrivalDate(fields: HeaderFields, now: number): ZonedDate | undefined {
  const believable = (date: ZonedDate | undefined) =>
    date !== undefined && date.time > 0 && date.time <= now + 24 * 3600 * 1000;
  for (const received of fields.get('received') ?? []) {
    // RFC 5322 §3.6.7: the date stands behind the last semicolon; the uppermost line is the newest.
    const date = parseDate(received.slice(received.lastIndexOf(';') + 1));
    if (believable(date)) return date;
  }
  const date = parseDate(fields.get('date')?.[0] ?? '');
  return believable(date) ? date : undefined;
}

const shape =
  /^[\s,]*(?:[a-z]{2,9}\.?,?\s+)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s,-]+(\d{2,4})\s+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:\.\d+)?\s*([+-]\d{4}|[a-z]{1,5})?/i;

/** A date as RFC 5322 §3.3 and §4.3 write it, and the slips that are common in old mail; undefined for anything else. */
export function parseDate(text: string): ZonedDate | undefined {
  const match = shape.exec(
    text
      .slice(0, 200)
      .replace(/\s+/g, ' ')
      .replace(/\([^()]*\)/g, ' '),
  );
  if (!match) return undefined;
  const [, day, monthName, yearText, hour, minute, second = '0', zoneText = '+0000'] = match;
  const month = months.indexOf(monthName!.toLowerCase());
  const zone = zoneMinutes(zoneText);
  if (month === -1 || zone === undefined) return undefined;
  const time = Date.UTC(fullYear(yearText!), month, Number(day), Number(hour), Number(minute), Number(second));
  // Date.UTC rolls 31 Feb over into March: such a date is not believed. A leap second is.
  const dayOfMonth = new Date(Date.UTC(fullYear(yearText!), month, Number(day))).getUTCDate();
  if (dayOfMonth !== Number(day) || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) {
    return undefined;
  }
  return { time: time - zone * 60_000, zone };
}

/** The form of RFC 3501 §9 date-time, without its quotes: `04-Mar-2014 10:20:30 +0100`. */
export function internalDate(date: ZonedDate): string {
  const local = new Date(date.time + date.zone * 60_000);
  const two = (value: number) => String(value).padStart(2, '0');
  const east = Math.abs(date.zone);
  const zone = `${date.zone < 0 ? '-' : '+'}${two(Math.floor(east / 60))}${two(east % 60)}`;
  const day = `${two(local.getUTCDate())}-${monthNames[local.getUTCMonth()]}-${local.getUTCFullYear()}`;
  return `${day} ${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())} ${zone}`;
}

/** RFC 5322 §4.3: two digits below 50 are of this century, other short years count from 1900. */
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return text.length === 3 ? 1900 + year : year;
}

function zoneMinutes(text: string): number | undefined {
  const named = zones[text.toLowerCase()];
  if (named !== undefined) return named;
  // RFC 5322 §4.3: an unknown zone name is read as -0000.
  if (!/^[+-]/.test(text)) return 0;
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(3, 5));
  if (Number(text.slice(3, 5)) > 59 || minutes > 16 * 60) return undefined;
  return text.startsWith('-') ? -minutes : minutes;
}

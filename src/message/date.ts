/** A date with its zone: read from the text of a header field, written as INTERNALDATE (design §7). */
import { looseDate } from './date-forms.ts';
import { momentOf, type ZonedDate, zoneOf } from './date-parts.ts';
import { plainDate } from './date-text.ts';

const monthNames = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

// RFC 5322 §3.3, as nearly all mail has it
const usual =
  /^\s*(?:[a-z]{3},\s*)?(\d{1,2})\s+([a-z]{3})\s+(\d{4})\s+(\d\d):(\d\d)(?::(\d\d))?\s+([+-]\d{4})(?:\s+\([^()]{0,40}\))?\s*$/i;

/**
 * A date as RFC 5322 §3.3 and §4.3 write it, or in one of the broken forms that old mail has
 * (docs/dates-and-flags.md); undefined where it is none, or may be more than one. What stands behind the first
 * 400 characters is not looked at.
 */
export function parseDate(text: string): ZonedDate | undefined {
  const usually = text.length < 80 ? usualDate(text) : undefined;
  if (usually) return usually;
  const written = looseDate(plainDate(text));
  return written && momentOf(written);
}

function usualDate(text: string): ZonedDate | undefined {
  const match = usual.exec(text);
  if (!match) return undefined;
  const [, day, name, year, hour, minute, second = '0', zoneText] = match;
  const month = monthNames.findIndex((known) => known.toLowerCase() === name!.toLowerCase());
  const zone = zoneOf(zoneText!.startsWith('-'), Number(zoneText!.slice(1, 3)), Number(zoneText!.slice(3)));
  const clock = { hour: Number(hour), minute: Number(minute), second: Number(second) };
  return month === -1 ? undefined : momentOf({ year: Number(year), month, day: Number(day), ...clock, zone });
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

/** The parts of a date, and the moment they make. */

/** A moment with the zone it was written in. */
export interface ZonedDate {
  /** Milliseconds since 1970. */
  time: number;
  /** Minutes east of Greenwich. */
  zone: number;
}

/** What a clock and a calendar showed. */
export interface WrittenDate {
  year: number;
  /** From 0. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** Minutes east of Greenwich. */
  zone: number;
}

/** Minutes east of Greenwich; 0 for a zone that no place of the world has, as RFC 5322 §4.3 has it for unknown ones. */
export function zoneOf(west: boolean, hours: number, minutes: number): number {
  const total = hours * 60 + minutes;
  if (minutes > 59 || total > (west ? 12 : 14) * 60) return 0;
  return west && total > 0 ? -total : total;
}

/** The moment; undefined for a date or a time that no calendar or clock can show. */
export function momentOf(written: WrittenDate): ZonedDate | undefined {
  const { year, month, day, hour, minute, second, zone } = written;
  // 24:00:00 is the midnight that ends a day (ISO 8601), 23:59:60 a leap second (RFC 5322 §3.3)
  const midnight = hour === 24 && minute === 0 && second === 0;
  if ((hour > 23 && !midnight) || minute > 59 || second > 60 || year < 1000) return undefined;
  // Date.UTC rolls 31 Feb over into March: such a date is not believed
  if (new Date(Date.UTC(year, month, day)).getUTCDate() !== day) return undefined;
  const local = Date.UTC(year, month, day, hour, minute, second);
  // INTERNALDATE has four digits for the year (RFC 3501 §9)
  return local < Date.UTC(10_000, 0) ? { time: local - zone * 60_000, zone } : undefined;
}

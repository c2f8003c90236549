/** When a message arrived: the INTERNALDATE it gets at the destination (design §7, docs/dates-and-flags.md). */
import { parseDate } from './date.ts';
import type { ZonedDate } from './date-parts.ts';
import type { HeaderFields } from './header.ts';

/** Which field says when a message arrived: `received` is Received, else Date; `date` is Date, else Received. */
export type DateSource = 'received' | 'date';

const dayMs = 24 * 3600 * 1000;

/** Mail of more hops was in a loop, and the uppermost of them say enough. */
const RECEIVED_MAX = 30;

/**
 * The arrival of a message, or undefined where nothing says it, which lets the server decide. A date from 1970 to a day
 * after `now` (milliseconds since 1970) is believed: servers refuse what lies far in the future. Where all that a message
 * has lies outside, the nearer end is taken: 1 January 1970, or now.
 */
export function arrivalDate(fields: HeaderFields, now: number, source: DateSource = 'received'): ZonedDate | undefined {
  const believable = (date: ZonedDate | undefined): date is ZonedDate =>
    date !== undefined && date.time > 0 && date.time <= now + dayMs;
  const lines = (fields.get('received') ?? []).slice(0, RECEIVED_MAX);
  const sent = parseDate(fields.get('date')?.[0] ?? '');
  if (source === 'date' && believable(sent)) return sent;
  const received = newestTrusted(hopsOf(lines, believable), believable(sent) ? sent : undefined);
  if (received) return received;
  // When a fetcher took a message is better than when this program did
  const dates = [sent, ...lines.map(receivedDate)];
  return dates.find(believable) ?? clamped(dates, now);
}

/** The believable dates of the lines of hops, from the newest; only as many are read as are asked for. */
function* hopsOf(
  lines: readonly string[],
  believable: (date: ZonedDate | undefined) => date is ZonedDate,
): Generator<ZonedDate, undefined> {
  for (const line of lines) {
    const date = isFetched(line) ? undefined : receivedDate(line);
    if (believable(date)) yield date;
  }
}

/**
 * The newest line that is not contradicted. Each hop writes its line above those of the hops before it, so what stands
 * above is newer. A line is contradicted where the two dates below it, Received or Date, are both more than a day newer, or
 * the one line where there is no more: then its clock had lost its time. One date alone that is newer than what stands
 * above and below was ahead. There is no vote of all dates: those of the sender's side outnumber the others, and spam
 * forges them.
 */
function newestTrusted(hops: Generator<ZonedDate, undefined>, sent: ZonedDate | undefined): ZonedDate | undefined {
  let line = hops.next().value;
  let below = hops.next().value;
  while (line && below && below.time - line.time > dayMs) {
    const next = hops.next().value;
    const witness = next ?? sent;
    if (witness && witness.time - line.time <= dayMs) break;
    [line, below] = [below, next];
  }
  return line;
}

function clamped(dates: readonly (ZonedDate | undefined)[], now: number): ZonedDate | undefined {
  const date = dates.find((one) => one !== undefined);
  return date && { time: date.time > now ? now : 0, zone: 0 };
}

const fetchedWith = /\bwith\s+(?:[akrs]?pop[23]?|sdps|imap4?)s?(?![\w-])/i;

/**
 * Whether a program that fetches mail wrote the line, when it fetched: fetchmail, getmail, the fetchers of webmail.
 * In brackets the words mean something else: `(authenticated with POP3 before SMTP)`.
 */
function isFetched(line: string): boolean {
  return /\((?:fetchmail-|getmail)/.test(line) || (fetchedWith.test(line) && fetchedWith.test(outside(line)));
}

/** RFC 5322 §3.6.7: the date stands behind the last semicolon. A comment behind it may have one too; some leave it out. */
function receivedDate(line: string): ZonedDate | undefined {
  return (
    parseDate(line.slice(line.lastIndexOf(';') + 1)) ??
    parseDate(line.slice(outside(line).lastIndexOf(';') + 1)) ??
    parseDate(tail.exec(line.slice(-TAIL_CHARACTERS).replace(/\s+/g, ' '))?.[0] ?? '')
  );
}

const tail = /(?:\b[a-z]{3}, )?\d{1,2} [a-z]{3} \d{2,4} \d\d:\d\d:\d\d (?:[+-]\d{4}|[a-z]{3,4})\b[^;]*$/i;
const TAIL_CHARACTERS = 100;

/** The line with blanks for what stands in brackets, so that places stay; all of it where brackets do not close. */
function outside(line: string): string {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at];
    if (character !== '(' && character !== ')') continue;
    if (character === ')' && depth === 0) continue;
    parts.push(depth === 0 ? line.slice(from, at) : ' '.repeat(at - from));
    from = at;
    depth += character === '(' ? 1 : -1;
  }
  return depth === 0 ? `${parts.join('')}${line.slice(from)}` : line;
}

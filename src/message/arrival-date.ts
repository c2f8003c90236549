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
  const sent = parseDate(fields.get('date')?.[0] ?? '');
  const lines = (fields.get('received') ?? []).slice(0, RECEIVED_MAX).map(withoutFolds);
  const fetched = lines.filter(isFetched).map(receivedDate);
  const hops = lines.filter((line) => !isFetched(line)).map(receivedDate);
  const believable = (date: ZonedDate | undefined): date is ZonedDate =>
    date !== undefined && date.time > 0 && date.time <= now + dayMs;
  const received = newestTrusted(hops.filter(believable), believable(sent) ? sent : undefined);
  const [first, second] = source === 'date' ? [sent, received] : [received, sent];
  // When a fetcher took a message is better than when this program did
  const found = [first, second, ...fetched].find(believable);
  return (
    found ??
    clamped(
      [sent, ...hops, ...fetched].find((date) => date !== undefined),
      now,
    )
  );
}

/**
 * The newest of the lines that the others do not contradict. Each hop writes its line above those of the hops before it,
 * so what stands above is newer; more than a day out of this order is a broken clock, whose it is the majority says.
 * Of two lines alone the upper, older one is wrong: a clock that lost its time shows the past. Date is one voice more,
 * but never the answer.
 */
function newestTrusted(hops: readonly ZonedDate[], sent: ZonedDate | undefined): ZonedDate | undefined {
  const voices = sent ? [...hops, sent] : hops;
  const contradictions = (at: number) =>
    voices.filter((voice, other) => {
      const ahead = voice.time - voices[at]!.time;
      return other > at ? ahead > dayMs : ahead < -dayMs;
    }).length;
  if (voices.length === 2 && hops.length === 2 && contradictions(0) === 1) return hops[1];
  return hops.find((_, at) => contradictions(at) * 2 <= voices.length);
}

function clamped(date: ZonedDate | undefined, now: number): ZonedDate | undefined {
  return date && { time: date.time > now ? now : 0, zone: 0 };
}

function withoutFolds(line: string): string {
  return line.replace(/\s+/g, ' ');
}

/**
 * Whether a program that fetches mail wrote the line, when it fetched: fetchmail, getmail, the fetchers of webmail.
 * In brackets the words mean something else: `(authenticated with POP3 before SMTP)`.
 */
function isFetched(line: string): boolean {
  return (
    /\((?:fetchmail-|getmail)/.test(line) || /\bwith (?:[akrs]?pop[23]?|sdps|imap4?)s?(?![\w-])/i.test(outside(line))
  );
}

/** RFC 5322 §3.6.7: the date stands behind the last semicolon, one in brackets not counted. */
function receivedDate(line: string): ZonedDate | undefined {
  const masked = outside(line);
  const at = masked.lastIndexOf(';');
  const date = parseDate(line.slice(at + 1));
  // Some servers leave the semicolon out
  return date ?? parseDate(tail.exec(line.slice(-TAIL_CHARACTERS))?.[0] ?? '');
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

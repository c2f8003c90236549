/** What a message shows of its past at the destination: when it arrived, and what was done with it (design §7). */
import type { Settings } from '../ground/settings.ts';
import { arrivalDate } from '../message/arrival-date.ts';
import { internalDate } from '../message/date.ts';
import type { ZonedDate } from '../message/date-parts.ts';
import type { HeaderFields } from '../message/header.ts';
import { type StatusFlags, statusFlags } from '../message/status-flags.ts';

/** The past of one message. */
export interface Arrival {
  /** Undefined where nothing says when it arrived. */
  readonly date: ZonedDate | undefined;
  /** The same as the destination is told; undefined lets the server take its own clock. */
  readonly internalDate: string | undefined;
  readonly flags: readonly string[];
}

/** What its past depends on besides its header. */
export interface ArrivalRules {
  readonly settings: Pick<Settings, 'seen' | 'seenOlderThanDays' | 'flagsFromHeaders' | 'dates'>;
  /** True when the account's first run fetched the message. */
  readonly firstRun: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The past of a message by its header. */
export function arrivalOf(fields: HeaderFields, rules: ArrivalRules): Arrival {
  const { settings, now } = rules;
  const date = arrivalDate(fields, now, settings.dates === 'date' ? 'date' : 'received');
  const status = statusFlags(fields);
  const seen = isSeen(status, date, rules) ? ['\\Seen'] : [];
  return {
    date,
    internalDate: settings.dates === 'none' ? undefined : date && internalDate(date),
    flags: settings.flagsFromHeaders ? [...seen, ...status.flags] : seen,
  };
}

const dayMs = 24 * 3600 * 1000;

function isSeen(status: StatusFlags, date: ZonedDate | undefined, { settings, firstRun, now }: ArrivalRules): boolean {
  switch (settings.seen) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'first-run':
      return firstRun;
    case 'status':
      return status.seen ?? firstRun;
    case 'older-than':
      // What has no date gets the destination's clock, and is new
      return date !== undefined && date.time < now - settings.seenOlderThanDays * dayMs;
  }
}

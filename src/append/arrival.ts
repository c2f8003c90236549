/** What a message shows of its past at the destination: when it arrived, and whether it was read (design §7). */
import type { Settings } from '../ground/settings.ts';
import { arrivalDate, internalDate, type ZonedDate } from '../message/date.ts';
import type { HeaderFields } from '../message/header.ts';

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
  readonly settings: Pick<Settings, 'seen'>;
  /** True when the account's first run fetched the message. */
  readonly firstRun: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The past of a message by its header. */
export function arrivalOf(fields: HeaderFields, { settings, firstRun, now }: ArrivalRules): Arrival {
  const date = arrivalDate(fields, now);
  const seen = settings.seen === 'all' || (settings.seen === 'first-run' && firstRun);
  return { date, internalDate: date && internalDate(date), flags: seen ? ['\\Seen'] : [] };
}

/** What a download session is given, and how it may end. */
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { Bell } from '../limits/bell.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import type { Spool } from '../spool/spool.ts';
import type { PickOrder } from './pick.ts';
import type { ConnectSource } from './source.ts';
import type { SourceClient } from './source-client.ts';

/** What a download session needs from outside. */
export interface DownloadContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly spool: Spool;
  readonly log: Log;
  readonly clock?: Clock;
  /** Where sources are connected to. */
  readonly sources: { readonly connect: ConnectSource<SourceClient> };
  /** Whether mail is appended by this process, too. */
  readonly appends: boolean;
  readonly bell: Bell;
  /** Ends the session at the next batch boundary. */
  readonly signal: AbortSignal;
  /** Ends it at once, with its connections. */
  readonly cut?: AbortSignal;
  /** Called when mail is coming or expected, and again for each batch that was handed over. */
  announce(): void;
}

/** Whose maildrop, and how to get at it. */
export interface DownloadTask {
  readonly account: string;
  readonly id: string;
  readonly runId: string;
  readonly endpoint: PopEndpoint;
  readonly order?: PickOrder;
  /** TOP does harm at this source and is not sent. */
  readonly topForbidden?: boolean;
  /** The source is known to list only a part of its mail in a session. */
  readonly listsInParts?: boolean;
  /** Mail is announced before the source is asked, so that the destination is opened meanwhile. */
  readonly expectsMail?: boolean;
}

/**
 * How a session ended: `done` when nothing is left to fetch, `more` when all that was listed was fetched and the source
 * may list more now, `probe` when the destination holds so much mail that
 * headers are worth a look, `probed` when they were handed over, `busy` when another session has it, `full` when the
 * destination has no room for what the spool holds.
 */
export type DownloadEnd =
  | 'done'
  | 'more'
  | 'probe'
  | 'probed'
  | 'busy'
  | 'budget'
  | 'hold'
  | 'full'
  | 'interrupted'
  | 'unpipelined'
  | 'superseded';

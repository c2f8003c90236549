/** What both workers get from the service. */
import type { AccountBook } from '../src/accounts/book.ts';
import type { TokenDesk } from '../src/accounts/oauth/token-desk.ts';
import type { ExtraConnections } from '../src/append/extra-connections.ts';
import type { KeptConnections } from '../src/append/kept.ts';
import type { Log } from '../src/ground/log.ts';
import type { RedisClient } from '../src/ground/redis.ts';
import type { Settings } from '../src/ground/settings.ts';
import type { Bell } from '../src/limits/bell.ts';
import type { Steering } from '../src/limits/steering.ts';
import type { RunControl } from '../src/schedule/run-control.ts';
import type { Spool } from '../src/spool/spool.ts';

/** The parts of the service that a worker uses. */
export interface WorkerContext {
  readonly book: AccountBook;
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly spool: Spool;
  readonly bell: Bell;
  readonly control: RunControl;
  readonly steering: Steering;
  readonly log: Log;
  /** Ends all sessions at their next batch boundary. */
  readonly signal: AbortSignal;
  /** Ends them at once, with their connections. */
  readonly cut: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  readonly tokens: TokenDesk;
  /** Connections to destinations between sessions. */
  readonly kept: KeptConnections;
  /** Second connections that append. */
  readonly extra: ExtraConnections;
  /** Whether this process takes append jobs too. */
  readonly appends: boolean;
}

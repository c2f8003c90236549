/** The desk: everything that a person can ask of a running service, put together for the dashboard role. */
import { type Clock, systemClock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import type { Steering } from '../limits/steering.ts';
import type { Queues } from '../schedule/queues.ts';
import type { RunControl } from '../schedule/run-control.ts';
import { startIfIdle } from './ask-run.ts';
import { AuditLog } from './audit.ts';
import { Census } from './census.ts';
import type { Accounts } from './selection.ts';
import type { StatusContext } from './status.ts';
import type { SteerContext } from './steer.ts';

/** The accounts of a service that keeps its own list. Secrets go in and never come out. */
export interface AccountAdmin {
  /**
   * Takes in the text of an account list; its name tells the format, the folder where its sender has it. Throws
   * `list-invalid`.
   */
  importList(
    name: string,
    text: string,
    options: { readonly prune: boolean; readonly folder?: string },
  ): Promise<{ added: readonly string[]; changed: readonly string[]; removed: readonly string[]; unchanged: number }>;
  /** Removes accounts by their ids; their mail and ledger stay. */
  remove(ids: readonly string[]): Promise<{ removed: readonly string[]; unknown: readonly string[] }>;
}

/** The parts of the service that the desk is made of. */
export interface DeskParts {
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly log: Log;
  readonly book: Accounts;
  readonly steering: Steering;
  readonly control: RunControl;
  readonly queues: Queues;
  /** Has an account run soon. Left out: a run is started at once, unless one goes on. */
  readonly askRun?: SteerContext['askRun'];
  /** The waits of accounts. Left out: none are known. */
  readonly readWaits?: StatusContext['readWaits'];
  /** Left out where the service works off a fixed list. */
  readonly admin?: AccountAdmin;
}

/** The desk of one process. */
export interface Desk extends SteerContext, StatusContext {
  readonly settings: LoadedSettings;
  readonly log: Log;
  readonly queues: Queues;
  readonly census: Census;
  readonly steering: Steering;
  readonly clock: Clock;
  readonly admin?: AccountAdmin;
}

/** Sets the desk up. */
export function openDesk(parts: DeskParts): Desk {
  const { redis, settings, log, book, steering, control } = parts;
  return {
    ...parts,
    clock: systemClock,
    audit: new AuditLog(redis, settings.dataDir, settings, log),
    census: new Census(redis, book, steering),
    askRun: parts.askRun ?? ((account, now) => startIfIdle(redis, control, account, now)),
    readWaits: parts.readWaits ?? (async () => new Map()),
  };
}

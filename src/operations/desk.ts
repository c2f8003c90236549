/** The desk: everything that a person can ask of a running service, put together for the dashboard role. */
import type { AccountStore } from '../accounts/store.ts';
import { type Clock, systemClock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import type { Bell } from '../limits/bell.ts';
import type { Steering } from '../limits/steering.ts';
import type { Queues } from '../schedule/queues.ts';
import type { RunControl } from '../schedule/run-control.ts';
import { type AccountAdmin, accountAdmin } from './account-admin.ts';
import { AuditLog } from './audit.ts';
import { Board, type BoardParts } from './board.ts';
import type { Census } from './census.ts';
import type { Live } from './live.ts';
import type { StatusContext } from './status.ts';
import type { SteerContext } from './steer.ts';

/** The parts of the service that the desk is made of. */
export interface DeskParts {
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly log: Log;
  readonly book: BoardParts['book'];
  readonly steering: Steering;
  readonly control: RunControl;
  readonly queues: Queues;
  /** Has an account run soon. */
  readonly askRun: SteerContext['askRun'];
  /** The waits of accounts. */
  readonly readWaits: StatusContext['readWaits'];
  /** Rings when something happened to an account; without it the board reads everything each time. */
  readonly bell?: Bell;
  /** Where the accounts are stored; left out where the service works off a fixed list. */
  readonly store?: AccountStore;
  /** Instead of the store. */
  readonly admin?: AccountAdmin;
  /** What those are told who watch, instead of the board. */
  readonly live?: Live;
  /** Variables that passwords of proxies and accounts may be in; none where it is left out. */
  readonly env?: NodeJS.ProcessEnv;
}

/** The desk of one process. */
export interface Desk extends SteerContext, StatusContext {
  readonly settings: LoadedSettings;
  readonly log: Log;
  readonly queues: Queues;
  readonly census: Census;
  /** What everybody sees; to be begun, and closed with the desk. */
  readonly board: Board;
  readonly steering: Steering;
  readonly clock: Clock;
  readonly admin?: AccountAdmin;
  readonly live: Live;
  readonly env: NodeJS.ProcessEnv;
}

/** Sets the desk up. */
export function openDesk(parts: DeskParts): Desk {
  const { redis, settings, log, store } = parts;
  const admin = parts.admin ?? (store && accountAdmin(store, settings));
  const board = new Board({ ...parts, clock: systemClock });
  return {
    live: board,
    ...parts,
    ...(admin && { admin }),
    env: parts.env ?? {},
    clock: systemClock,
    audit: new AuditLog(redis, settings.dataDir, settings, log),
    census: board,
    board,
  };
}

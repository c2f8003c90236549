/** The desk: everything that a person can ask of a running service, put together for the dashboard role. */
import type { AccountStore } from '../accounts/store.ts';
import { type Clock, systemClock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import type { Steering } from '../limits/steering.ts';
import type { Queues } from '../schedule/queues.ts';
import type { RunControl } from '../schedule/run-control.ts';
import { type AccountAdmin, accountAdmin } from './account-admin.ts';
import { AuditLog } from './audit.ts';
import { Census } from './census.ts';
import type { Live } from './live.ts';
import type { Accounts } from './selection.ts';
import type { StatusContext } from './status.ts';
import type { SteerContext } from './steer.ts';

/** The parts of the service that the desk is made of. */
export interface DeskParts {
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly log: Log;
  readonly book: Accounts;
  readonly steering: Steering;
  readonly control: RunControl;
  readonly queues: Queues;
  /** Has an account run soon. */
  readonly askRun: SteerContext['askRun'];
  /** The waits of accounts. */
  readonly readWaits: StatusContext['readWaits'];
  /** Where the accounts are stored; left out where the service works off a fixed list. */
  readonly store?: AccountStore;
  /** Instead of the store. */
  readonly admin?: AccountAdmin;
  /** What those are told who watch. */
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
  readonly steering: Steering;
  readonly clock: Clock;
  readonly admin?: AccountAdmin;
  readonly live?: Live;
  readonly env: NodeJS.ProcessEnv;
}

/** Sets the desk up. */
export function openDesk(parts: DeskParts): Desk {
  const { redis, settings, log, book, steering, store } = parts;
  const admin = parts.admin ?? (store && accountAdmin(store, settings));
  return {
    ...parts,
    ...(admin && { admin }),
    env: parts.env ?? {},
    clock: systemClock,
    audit: new AuditLog(redis, settings.dataDir, settings, log),
    census: new Census(redis, book, steering),
  };
}

/** What the scheduler is given. */
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { RollContext } from './roll.ts';
import type { ScheduledAccount } from './roster.ts';
import type { RunControl } from './run-control.ts';

/** Where the accounts come from. */
export interface ScheduledAccounts {
  all(): Promise<readonly ScheduledAccount[]>;
  /** Calls the listener when the list has changed; returns how to stop that. */
  onChange(listener: () => void): () => void;
}

/** What people have paused. */
export interface ScheduleSteering {
  /** Undefined for an account that nobody has paused. */
  pausedBy(account: ScheduledAccount): unknown;
  onChange(listener: () => void): () => void;
}

/** What the scheduler works with. */
export interface SchedulerContext extends Pick<RollContext, 'onEnded'> {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly control: RunControl;
  readonly log: Log;
  readonly clock: Clock;
  readonly accounts: ScheduledAccounts;
  readonly steering?: ScheduleSteering | undefined;
  /** What budgets and servers make accounts wait for, by account key. */
  readonly readWaits?: (
    keys: readonly string[],
  ) => Promise<ReadonlyMap<string, { readonly untilMs: number; readonly because: string }>>;
  /** Most runs at once at a host, by its name. */
  readonly hostRuns?: () => Readonly<Record<string, number>>;
}

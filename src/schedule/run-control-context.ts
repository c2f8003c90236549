/** What run control is given. */
import type { Clock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { Bell } from '../limits/bell.ts';
import type { Wait } from '../limits/waits.ts';
import type { Queues } from './queues.ts';

/** What run control works with. */
export interface RunControlContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly queues: Queues;
  readonly bell: Bell;
  readonly log: Log;
  readonly clock: Clock;
  /** Hears why and until when an account waits. Must not throw. */
  readonly onWait?: ((account: string, wait: Wait, now: number) => Promise<void>) | undefined;
  /** The id of an account, by its key, for the log; undefined where it is not known here. */
  readonly idOf?: (account: string) => Promise<string | undefined>;
  /** True while an account, by its key, is paused: nothing is queued for it. Left out: none ever is. */
  readonly isPaused?: (account: string) => boolean | Promise<boolean>;
}

/** Whether the service can do its work: Redis answers, both kinds of workers run, the scheduler looks what is due. */
import { inTime } from '../ground/clock.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { type Present, presentProcesses } from '../limits/roll-call.ts';

/** A Redis that takes longer than this to say PONG is not ready. */
const pingMs = 2000;

/** What was found; ready when nothing is missing. */
export interface Health {
  readonly ready: boolean;
  readonly redis: boolean;
  readonly pop: boolean;
  readonly imap: boolean;
  readonly scheduler: boolean;
  readonly processes: readonly Present[];
}

/** Looks after it. Never throws. */
export async function health(
  redis: RedisClient,
  settings: Pick<Settings, 'schedulerLateMs'>,
  now: number,
): Promise<Health> {
  const processes = await inTime(presentProcesses(redis, now), pingMs);
  const list = processes ?? [];
  const has = (role: string) => list.some(({ roles }) => roles.includes(role));
  const ticked = ({ roles, tickedAt }: Present) =>
    roles.includes('scheduler') && now - tickedAt <= settings.schedulerLateMs;
  const found = { redis: processes !== undefined, pop: has('pop'), imap: has('imap'), scheduler: list.some(ticked) };
  return { ready: Object.values(found).every(Boolean), ...found, processes: list };
}

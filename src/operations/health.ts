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
  const found = { redis: processes !== undefined, ...working(list, settings, now) };
  return { ready: Object.values(found).every(Boolean), ...found, processes: list };
}

/** Which of the parts that no service can do without are at work. */
export function working(
  processes: readonly Present[],
  { schedulerLateMs }: Pick<Settings, 'schedulerLateMs'>,
  now: number,
): { readonly pop: boolean; readonly imap: boolean; readonly scheduler: boolean } {
  const has = (role: string) => processes.some(({ roles }) => roles.includes(role));
  return { pop: has('pop'), imap: has('imap'), scheduler: now - lastLook(processes) <= schedulerLateMs };
}

/** When a scheduler last looked what is due; milliseconds since 1970, 0 where there is none. */
export function lastLook(processes: readonly Present[]): number {
  return Math.max(0, ...processes.filter(({ roles }) => roles.includes('scheduler')).map(({ tickedAt }) => tickedAt));
}

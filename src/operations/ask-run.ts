/** Has an account run now, where nothing else decides when: unless a run of it goes on, one is started. */
import { randomBytes } from 'node:crypto';
import type { RedisClient } from '../ground/redis.ts';
import { readRun } from '../ledger/run.ts';
import type { RunControl } from '../schedule/run-control.ts';

/** Starts a run of an account that has none open. */
export async function startIfIdle(
  redis: RedisClient,
  control: Pick<RunControl, 'start'>,
  account: string,
  now: number,
): Promise<void> {
  const run = await readRun(redis, account);
  if (run && run.finishedAt === 0) return;
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  await control.start(account, `${stamp}-${randomBytes(3).toString('hex')}`);
}

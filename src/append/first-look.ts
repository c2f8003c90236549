/** The first look at a destination, which a download waits for when nothing is known of the account. */
import type { RedisClient } from '../ground/redis.ts';
import { type Run, updateRun } from '../ledger/run.ts';
import type { Bell } from '../limits/bell.ts';
import type { Destination } from './destination.ts';
import { mainTarget } from './target.ts';

/** Tells the run how many messages stand there that may be twins. */
export async function lookFirst(
  { account, runId }: { readonly account: string; readonly runId: string },
  { redis, bell }: { readonly redis: RedisClient; readonly bell: Bell },
  destination: Destination,
  run: Run,
): Promise<void> {
  const main = await destination.targets.pathOf(mainTarget);
  const { path, index } = await destination.use(main, Math.max(0, run.listed));
  const messages = index.records + (await destination.neighbours.messages(path));
  await updateRun(redis, account, runId, { destinationMessages: messages });
  bell.ring(account);
}

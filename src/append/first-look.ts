/** The first look into an account's own mailbox, which a download waits for when nothing is known of the account. */
import type { RedisClient } from '../ground/redis.ts';
import { type Run, updateRun } from '../ledger/run.ts';
import { hasLedger } from '../ledger/table.ts';
import type { Bell } from '../limits/bell.ts';
import type { Destination } from './destination.ts';
import { mainTarget } from './target.ts';

/** Tells the run how many messages the mailbox holds; only where no ledger says what was brought there, or on request. */
export async function lookFirst(
  { account, runId }: { readonly account: string; readonly runId: string },
  { redis, bell }: { readonly redis: RedisClient; readonly bell: Bell },
  destination: Destination,
  run: Run,
): Promise<void> {
  if (!run.recheck && (await hasLedger(redis, account))) return;
  const { index } = await destination.use(await destination.targets.pathOf(mainTarget), Math.max(0, run.listed));
  await updateRun(redis, account, runId, { destinationMessages: index.records });
  bell.ring(account);
}

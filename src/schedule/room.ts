/** Downloads that are held back because the mailbox at the destination is full. */
import { readRun, updateRun } from '../ledger/run.ts';
import { readWaits } from '../limits/waits.ts';
import type { SessionJob } from './queues.ts';
import type { RunControlContext } from './run-control-context.ts';

/** At the latest then a download looks whether the destination has taken what was spooled; it logs in nowhere for that. */
const lookMs = 30_000;

/**
 * After how many milliseconds a download looks again. Where the run waits only so long, the session that found the mailbox
 * full ends it, and its download within `soonMs` of that.
 */
export async function lookAgainMs(
  { redis, settings, clock }: RunControlContext,
  { account, run }: SessionJob,
  soonMs: number,
): Promise<number> {
  const waits = (await readWaits(redis, [account], clock.now())).get(account) ?? [];
  // The download may have begun when the destination was waiting already.
  if (waits.some(({ side }) => side === 'destination')) await updateRun(redis, account, run, { state: 'waiting' });
  const { waitMaxMs = 0 } = (await readRun(redis, account)) ?? {};
  return waitMaxMs > 0 ? soonMs : Math.min(settings.quotaRecheckMs, lookMs);
}

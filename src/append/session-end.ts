/** The end of an append session that has nothing left to do: what it found out is told before its account may be finished. */
import type { Clock } from '../ground/clock.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { giveUpAppend } from '../ledger/append-state.ts';
import { noteRoom } from '../ledger/full-mailbox.ts';
import { readRun } from '../ledger/run.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import type { Destination } from './destination.ts';
import { noteAlerts, noteEnd } from './notices.ts';

/** Whose session it is. */
interface Ending {
  readonly account: string;
  readonly runId: string;
  readonly endpoint: { readonly host: string };
}

/** What it works with. */
interface EndingContext {
  readonly redis: RedisClient;
  readonly settings: Pick<Settings, 'appendIdleMs'>;
  readonly spool: { readonly id: string };
}

/** Tells the report what the session found out so far about mailboxes, budgets and alerts. */
export async function noteFindings(
  { account, endpoint: { host } }: Ending,
  { redis }: EndingContext,
  { targets, channels }: Destination,
  { oversized }: SessionBudget,
): Promise<void> {
  await noteEnd(redis, account, host, await targets.renamed(), oversized);
  await noteAlerts(redis, account, host, channels.takeAlerts());
}

/** True when no batch is left and none is to come, or none came in time. `note` is called before anybody can know of it. */
export async function isOver(
  { account, runId }: Ending,
  { redis, spool, settings }: EndingContext,
  clock: Clock,
  rung: Promise<void>,
  note: () => Promise<void>,
): Promise<boolean> {
  const started = clock.now();
  await noteRoom(redis, account);
  const run = await readRun(redis, account);
  const none = run?.id !== runId || ['done', 'failed', 'left'].includes(run.download);
  if (!none) await rung;
  const idle = clock.now() - started >= settings.appendIdleMs;
  if (!none && !idle) return false;
  await note();
  return giveUpAppend(redis, account, spool.id);
}

/** The first look at a destination, which a download waits for when nothing is known of the account. */
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { giveUpAppend } from '../ledger/append-state.ts';
import { type Run, readRun, updateRun } from '../ledger/run.ts';
import type { Bell } from '../limits/bell.ts';
import type { Destination } from './destination.ts';
import { mainTarget } from './target.ts';

/** Whose session it is. */
interface Looking {
  readonly account: string;
  readonly runId: string;
}

/** What it works with. */
interface LookContext {
  readonly redis: RedisClient;
  readonly bell: Bell;
  readonly spool: { readonly id: string };
  readonly settings: Pick<Settings, 'appendIdleMs'>;
  readonly signal: AbortSignal;
}

/**
 * Tells the run how many messages stand there that may be twins, as soon as there is something that may be theirs. Returns false
 * where that takes so long that the session gives its place up: it is queued again when something is listed.
 */
export async function lookFirst(
  task: Looking,
  context: LookContext,
  destination: Destination,
  budget: { readonly shouldYield: boolean },
): Promise<boolean> {
  const run = await untilListed(task, context, () => context.signal.aborted || budget.shouldYield);
  if (run === 'late') return false;
  if (!run || (run.listed === 0 && !isAsked(run) && !run.recheck)) return true;
  const main = await destination.targets.pathOf(mainTarget);
  const { path, index } = await destination.use(main, Math.max(0, run.listed));
  const messages = index.records + (await destination.neighbours.messages(path));
  await updateRun(context.redis, task.account, task.runId, { destinationMessages: messages });
  context.bell.ring(task.account);
  return true;
}

/**
 * Waits until the source has listed some mail, or lists no more in this run; `isOver` ends the wait, too. Returns the run as it is
 * then, undefined where it is another one. A session may be begun before its source is asked what there is.
 */
async function untilListed(
  { account, runId }: Looking,
  { redis, bell, spool, settings, signal }: LookContext,
  isOver: () => boolean,
): Promise<Run | 'late' | undefined> {
  const until = performance.now() + settings.appendIdleMs;
  for (;;) {
    const left = until - performance.now();
    const next = bell.next(account, Math.max(0, left), signal);
    try {
      const run = await readRun(redis, account);
      if (run?.id !== runId) return undefined;
      if (run.listed > 0 || !isAsked(run) || isOver()) return run;
      if (left <= 0) return run.recheck || !(await giveUpAppend(redis, account, spool.id, runId)) ? run : 'late';
      await next.rung;
    } finally {
      next.cancel();
    }
  }
}

/** Whether the source may list something yet: its download has not come to its end, nor failed. */
function isAsked({ download }: Run): boolean {
  return download === 'queued' || download === 'active';
}

/**
 * Ends a session that has failed, where nothing was listed for it: nobody needs to hear why. If something is listed yet,
 * another session is queued and meets the same. Throws the error in all other cases.
 */
export async function endNeedless(
  { account, runId }: Looking,
  { redis, spool }: Pick<LookContext, 'redis' | 'spool'>,
  error: unknown,
): Promise<'done'> {
  const run = await readRun(redis, account);
  const isNeeded = run?.id !== runId || run.recheck;
  if (!isNeeded && (await giveUpAppend(redis, account, spool.id, runId))) return 'done';
  throw error;
}

/** The pause of an account whose mailbox is full: what is told of it, and when it is looked at again. */
import type { Clock } from '../ground/clock.ts';
import { asMailhaulError, MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { noteFull } from '../ledger/full-mailbox.ts';
import { pendingIn, type Run, readRun } from '../ledger/run.ts';
import type { Bell } from '../limits/bell.ts';
import type { BudgetSpent } from '../limits/session-budget.ts';
import type { Wait } from '../limits/waits.ts';
import type { Destination } from './destination.ts';
import { MailboxFull } from './quota.ts';

/** The wait of a session that could not go on; everything that it had sent has its answer. */
export async function waitAfter(
  spent: BudgetSpent,
  { account, endpoint: { host, user } }: { account: string; endpoint: { host: string; user: string } },
  context: { redis: RedisClient; settings: Settings; log: Log; bell: Bell },
  clock: Clock,
  destination: Destination,
): Promise<Wait> {
  if (!(spent instanceof MailboxFull)) return spent.wait;
  const { redis, settings, log } = context;
  await destination.quotas.look(spent.path).catch((thrown: unknown) => {
    log.debug({ reason: asMailhaulError(thrown).message }, 'quota not read');
  });
  await noteFull(redis, account);
  const run = await listedRun(account, context);
  const left = run && run.listed > 0 ? `${pendingIn(run)} message(s) are left to bring` : '';
  const parts = [spent.reply, await destination.quotas.text(spent.path)].filter((part) => part !== '');
  const reply = parts.join('; ');
  const error = new MailhaulError('mailbox-full', { host, user, reply: [reply, left].filter(Boolean).join('; ') });
  const because = `the mailbox of ${user} at ${host} is full: ${reply}`;
  return { side: 'destination', untilMs: clock.now() + settings.quotaRecheckMs, because, error };
}

/** A mailbox that could not be made for want of room as what it is, the end of a session; anything else as it is. */
export function asFull(thrown: unknown): unknown {
  if (!(thrown instanceof MailhaulError) || thrown.code !== 'mailbox-full') return thrown;
  return new MailboxFull(String(thrown.details['mailbox']), String(thrown.details['reply']));
}

/** The run once its source is listed, which may take longer than to find the mailbox full: it is waited for a little. */
async function listedRun(
  account: string,
  { redis, settings, bell }: { redis: RedisClient; settings: Settings; bell: Bell },
): Promise<Run | undefined> {
  const next = bell.next(account, settings.appendIdleMs);
  try {
    const run = await readRun(redis, account);
    if (!run || run.listed > 0 || !['queued', 'active'].includes(run.download)) return run;
    await next.rung;
    return await readRun(redis, account);
  } finally {
    next.cancel();
  }
}

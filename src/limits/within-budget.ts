/** A session's work in the budget of its host. */
import { type Clock, systemClock } from '../ground/clock.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { Lease } from './lease.ts';
import { SessionBudget } from './session-budget.ts';
import type { Wait } from './waits.ts';

/** What a session is begun with. */
export interface WorkContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly clock?: Clock;
  /** Ends waits early. */
  readonly signal: AbortSignal;
}

/** Does the work, or returns when to come back for it. Throws what the work throws, after obeying its hints. */
export async function withinBudget<T>(
  side: Wait['side'],
  { account, endpoint }: { account: string; endpoint: { host: string } },
  context: WorkContext,
  lease: Lease,
  work: (budget: SessionBudget) => Promise<T>,
): Promise<T | Wait> {
  const { redis, settings, clock = systemClock } = context;
  const signal = AbortSignal.any([context.signal, lease.lost]);
  const task = { side, account, login: lease.login, host: endpoint.host };
  const budget = await SessionBudget.open(task, { redis, settings, clock, signal });
  if (!(budget instanceof SessionBudget)) return budget;
  try {
    return await work(budget);
  } catch (error) {
    await budget.noteFailure(error).catch(() => {});
    throw error;
  } finally {
    await budget.close();
  }
}

/** Looks at servers that are no jobs of a queue: each waits for its turn in the budget of its host, and gives all back. */
import { MailhaulError } from '../ground/errors.ts';
import { Lease, loginKey } from './lease.ts';
import { type BudgetTask, SessionBudget } from './session-budget.ts';
import { Turn, type TurnContext } from './turn.ts';
import type { Wait } from './waits.ts';

/** What a look at a source has: nobody else uses this login, and the host has a connection for it. */
export interface SourceTurn {
  readonly lease: Lease;
  readonly budget: SessionBudget;
}

/**
 * Does `work` under the lease of a source. `held` is a budget that has a connection of this host to spare. Throws
 * `account-busy`, `budget-waits`, and what the work throws.
 */
export function inSourceTurn<T>(
  endpoint: Parameters<typeof loginKey>[1],
  context: TurnContext,
  work: (turn: SourceTurn) => Promise<T>,
  held?: SessionBudget,
): Promise<T> {
  const turn = new Turn(context);
  return unlessStopped(endpoint.host, context, async () => {
    for (;;) {
      const lease = await takeLease(endpoint, context);
      let wait: Wait;
      try {
        const signal = AbortSignal.any([lease.lost, context.signal]);
        const task = { side: 'source', login: lease.login, host: endpoint.host } as const;
        const budget = held ?? (await turn.ask(task, signal));
        if (budget instanceof SessionBudget) {
          return await work({ lease, budget }).finally(() => (held ? undefined : budget.close()));
        }
        wait = budget;
      } finally {
        await lease.release();
      }
      // Without the lease: a run of the account is not held up by somebody who has no connection.
      await turn.wait(wait);
    }
  });
}

/** The connections of a session, when its host has them to spare; whoever asked closes it. Throws `budget-waits`. */
export function openBudget(task: BudgetTask, context: TurnContext): Promise<SessionBudget> {
  const turn = new Turn(context);
  return unlessStopped(task.host, context, async () => {
    for (;;) {
      const budget = await turn.ask(task, context.signal);
      if (budget instanceof SessionBudget) return budget;
      await turn.wait(budget);
    }
  });
}

async function takeLease(endpoint: Parameters<typeof loginKey>[1], { redis, settings }: TurnContext): Promise<Lease> {
  const lease = await Lease.take(redis, loginKey('pop', endpoint), settings.leaseMs);
  if (lease) return lease;
  const reply = 'another session of Mailhaul uses it now';
  throw new MailhaulError('account-busy', { host: endpoint.host, user: endpoint.user, reply });
}

/** The reason of a stop comes out of what it stopped, and is no fault. */
async function unlessStopped<T>(host: string, { signal }: TurnContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!signal.aborted || error instanceof MailhaulError) throw error;
    throw new MailhaulError('connection-lost', { host, during: 'a stop that was asked for' }, error);
  }
}

/** What a run would find at the source: lists and subtracts, fetches nothing, writes nothing. */
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import { spooledKeys } from '../ledger/batches.ts';
import { readRun } from '../ledger/run.ts';
import { LedgerTable } from '../ledger/table.ts';
import { Lease, loginKey } from '../limits/lease.ts';
import { SessionBudget } from '../limits/session-budget.ts';
import { Turn, type TurnContext } from '../limits/turn.ts';
import type { Wait } from '../limits/waits.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import { openWithin } from './pace.ts';
import { type Pick, pick } from './pick.ts';

/** Surveys one account when its host has a connection for it. Throws MailhaulError. */
export async function surveySource(account: string, endpoint: PopEndpoint, context: TurnContext): Promise<Pick> {
  const turn = new Turn(context);
  for (;;) {
    const seen = await surveyOnce(account, endpoint, turn, context);
    if (!('untilMs' in seen)) return seen;
    await turn.wait(seen);
  }
}

/** The lease is given back before a wait: a run is not held up by somebody who has no connection. */
async function surveyOnce(
  account: string,
  endpoint: PopEndpoint,
  turn: Turn,
  context: TurnContext,
): Promise<Pick | Wait> {
  const { redis, settings, signal } = context;
  const { host } = endpoint;
  const lease = await Lease.take(redis, loginKey('pop', endpoint), settings.leaseMs);
  if (!lease) {
    const reply = 'another session of Mailhaul uses it now';
    throw new MailhaulError('account-busy', { host, user: endpoint.user, reply });
  }
  try {
    const task = { side: 'source', login: lease.login, host } as const;
    const budget = await turn.ask(task, AbortSignal.any([lease.lost, signal]));
    if (!(budget instanceof SessionBudget)) return budget;
    try {
      const listing = await listSource(endpoint, lease, budget, context);
      return await pickOf(redis, account, listing);
    } finally {
      await budget.close();
    }
  } finally {
    await lease.release();
  }
}

async function listSource(
  endpoint: PopEndpoint,
  lease: Lease,
  budget: SessionBudget,
  context: TurnContext,
): Promise<MaildropListing> {
  const client = await openWithin(budget, endpoint, lease, context);
  const listing = await client.list();
  await client.quit();
  return listing;
}

async function pickOf(redis: RedisClient, account: string, listing: MaildropListing): Promise<Pick> {
  // The spool first: a message goes from there into the ledger, and must be seen in one of them.
  const spooled = await spooledKeys(redis, account);
  const [ledger, run] = await Promise.all([LedgerTable.load(redis, account), readRun(redis, account)]);
  // As the next run would see it: what the current one has settled is known by then.
  return pick(listing, ledger, spooled, (run?.number ?? 0) + 1);
}

/** What a run would find at the source: lists and subtracts, fetches nothing, writes nothing. */
import type { RedisClient } from '../ground/redis.ts';
import { spooledKeys } from '../ledger/batches.ts';
import { readRun } from '../ledger/run.ts';
import { LedgerTable } from '../ledger/table.ts';
import { inSourceTurn } from '../limits/look.ts';
import type { TurnContext } from '../limits/turn.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import { openWithin } from './pace.ts';
import { type Pick, pick } from './pick.ts';

/** Surveys one account when its host has a connection for it. Throws MailhaulError. */
export function surveySource(account: string, endpoint: PopEndpoint, context: TurnContext): Promise<Pick> {
  return inSourceTurn(endpoint, context, async ({ lease, budget }) => {
    const client = await openWithin(budget, endpoint, lease, context);
    const listing = await client.list();
    await client.quit();
    return pickOf(context.redis, account, listing);
  });
}

async function pickOf(redis: RedisClient, account: string, listing: MaildropListing): Promise<Pick> {
  // The spool first: a message goes from there into the ledger, and must be seen in one of them.
  const spooled = await spooledKeys(redis, account);
  const [ledger, run] = await Promise.all([LedgerTable.load(redis, account), readRun(redis, account)]);
  // As the next run would see it: what the current one has settled is known by then.
  return pick(listing, ledger, spooled, (run?.number ?? 0) + 1);
}

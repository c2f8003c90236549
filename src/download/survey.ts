/** What a run would find at the source: lists and subtracts, fetches nothing, writes nothing. */
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { spooledKeys } from '../ledger/batches.ts';
import { readRun } from '../ledger/run.ts';
import { LedgerTable } from '../ledger/table.ts';
import { Lease, loginKey } from '../limits/lease.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import { type Pick, pick } from './pick.ts';
import { openSource } from './source.ts';

/** Surveys one account. Throws MailhaulError. */
export async function surveySource(
  account: string,
  endpoint: PopEndpoint,
  context: { redis: RedisClient; settings: Settings },
): Promise<Pick> {
  const { redis, settings } = context;
  const lease = await Lease.take(redis, loginKey('pop', endpoint), settings.leaseMs);
  if (!lease) {
    const reply = 'another session of Mailhaul uses it now';
    throw new MailhaulError('account-busy', { host: endpoint.host, user: endpoint.user, reply });
  }
  try {
    const client = await openSource(endpoint, lease, context);
    const listing = await client.list();
    await client.quit();
    // The spool first: a message goes from there into the ledger, and must be seen in one of them.
    const spooled = await spooledKeys(redis, account);
    const [ledger, run] = await Promise.all([LedgerTable.load(redis, account), readRun(redis, account)]);
    // As the next run would see it: what the current one has settled is known by then.
    return pick(listing, ledger, spooled, (run?.number ?? 0) + 1);
  } finally {
    await lease.release();
  }
}

/**
 * A source that refuses UIDL though it has it: mostly for the moment. Taken at its word, all its mail would be fetched
 * again, and what a user has deleted at the destination would come back.
 */
import { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { SourceClient } from './source-client.ts';

const refusals = 'uidlRefused';
const given = 'uidlGiven';

/** So many sessions in a row may refuse it, where CAPA has it, and where it worked before. */
const patience = { announced: 2, given: 12 } as const;

/**
 * Lets a listing pass that has unique ids, or whose source has none.
 * @throws MailhaulError `server-unavailable` for a source that had them before, or announces them
 */
export async function expectUidl(
  redis: RedisClient,
  account: string,
  { host, user }: PopEndpoint,
  client: SourceClient,
  listing: MaildropListing,
): Promise<void> {
  const key = accountKeys.ledger(account);
  const [before, refused] = await redis.hmget(key, given, refusals);
  if (listing.hasUidl) {
    if (listing.length > 0 && before === null) await redis.hset(key, given, 1);
    if (refused !== null) await redis.hdel(key, refusals);
    return;
  }
  const most = before !== null ? patience.given : client.capabilities.has('UIDL') ? patience.announced : 0;
  if (Number(refused ?? 0) >= most) return;
  await redis.hincrby(key, refusals, 1);
  const reply = `it refuses UIDL, which it ${before !== null ? 'answered before' : 'lists in CAPA'}`;
  throw new MailhaulError('server-unavailable', { host, user, reply });
}

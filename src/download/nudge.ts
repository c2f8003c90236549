/**
 * Nudging a source. Gmail and its like show the next few hundred messages only when those before were fetched in a
 * session that ended with QUIT. A session that was cut off behind its last fetch leaves such a source showing what is
 * known already: it is fetched once more, thrown away, and then QUIT moves the source on.
 */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { PopRequest } from '../pop3/sink.ts';
import type { SourceClient } from './source-client.ts';

const field = 'lacksQuit';

/** A session begins to fetch; until `noteQuit` its QUIT is lacking. */
export async function noteFetching(redis: RedisClient, account: string): Promise<void> {
  await redis.hset(accountKeys.ledger(account), field, 1);
}

/** The session ended with QUIT. */
export async function noteQuit(redis: RedisClient, account: string): Promise<void> {
  await redis.hdel(accountKeys.ledger(account), field);
}

/** True when the last session that fetched did not come to its QUIT. */
export async function lacksQuit(redis: RedisClient, account: string): Promise<boolean> {
  return (await redis.hexists(accountKeys.ledger(account), field)) === 1;
}

/** Fetches what is listed but some messages, by their numbers, as far as the budget lasts, and throws it away. */
export async function nudge(
  client: SourceClient,
  listing: MaildropListing,
  but: ReadonlySet<number>,
  budget: SessionBudget,
): Promise<void> {
  await client.look(everything(listing, but, budget), 0, () => {});
}

async function* everything(
  listing: MaildropListing,
  but: ReadonlySet<number>,
  budget: SessionBudget,
): AsyncGenerator<PopRequest> {
  for (let place = 0; place < listing.length; place += 1) {
    if (but.has(listing.number(place))) continue;
    if (budget.limited && (await budget.pass(1, listing.octets(place)))) return;
    yield { number: listing.number(place), octets: listing.octets(place) };
  }
}

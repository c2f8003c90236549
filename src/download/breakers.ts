/**
 * Messages at which sessions broke off: the server hung, hung up or lost its way in them. One at which several did is asked
 * for last, so that it does not keep all others back, and then left to the next run. Once is no sign of anything but the
 * network, and order is worth keeping.
 */
import { MailhaulError, printable } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { keyBytes, uidlKey } from '../ledger/record.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { Pick } from './pick.ts';
import type { Asked, Taken } from './taker.ts';

/** What is remembered of such a message. */
export interface Breaker {
  /** The run in which sessions broke off at it. */
  readonly run: number;
  /** How many of that run did; one that fell silent counts twice, since it costs minutes. */
  readonly count: number;
  /** How the last one ended, safe to show. */
  readonly text: string;
}

/** After so many sessions of a run a message is asked for behind all others. */
const triesInPlace = 2;
/** After so many it is left to the next run. */
const triesInRun = 3;

/** Errors that may be of one message; others are of the server, the account or our own. */
const codes: ReadonlySet<string> = new Set(['server-silent', 'connection-lost', 'message-cut', 'protocol-error']);

/** What of a pick is fetched, in this order, and what is not tried any more in this run. */
export interface Order {
  readonly wanted: Uint32Array;
  /** As messages that the source does not hand out. */
  readonly aside: Taken['unreadable'];
  /** Keys (hexadecimal) of what was fetched since, or is not listed any more. */
  readonly over: readonly string[];
}

/** All that is remembered of an account: key of the message (hexadecimal) → what happened. */
export async function readBreakers(redis: RedisClient, account: string): Promise<Map<string, Breaker>> {
  const found = await redis.hgetall(accountKeys.breakers(account));
  return new Map(Object.entries(found).map(([key, json]) => [key, JSON.parse(json) as Breaker]));
}

/** The order in which a session fetches what it picked; what need not be remembered any more is forgotten. */
export async function readOrder(
  redis: RedisClient,
  account: string,
  listing: MaildropListing,
  todo: Pick,
  run: number,
): Promise<Order> {
  const order = orderOf(listing, todo, await readBreakers(redis, account), run);
  await forgetBreakers(redis, account, order.over);
  return order;
}

/** Puts what broke sessions off behind the rest, what did so least first. Pure. */
export function orderOf(
  listing: MaildropListing,
  { wanted, keys, hasOwnUidl }: Pick,
  breakers: ReadonlyMap<string, Breaker>,
  run: number,
): Order {
  if (breakers.size === 0) return { wanted, aside: [], over: [] };
  const over = new Set(breakers.keys());
  const late: { place: number; count: number }[] = [];
  const aside: Order['aside'] = [];
  const first = wanted.filter((place) => {
    const key = keys.toString('hex', place * keyBytes, (place + 1) * keyBytes);
    const breaker = hasOwnUidl(place) ? breakers.get(key) : undefined;
    if (breaker === undefined) return true;
    over.delete(key);
    if (breaker.count < triesInPlace) return true;
    if (breaker.run === run && breaker.count >= triesInRun) {
      const asked = { uidl: Buffer.from(listing.uidl(place)), hasOwnUidl: true, claimed: listing.octets(place) };
      aside.push({ number: listing.number(place), reply: breaker.text, asked });
    } else late.push({ place, count: breaker.run === run ? breaker.count : 0 });
    return false;
  });
  late.sort((a, b) => a.count - b.count);
  const order = new Uint32Array(first.length + late.length);
  order.set(first);
  order.set(
    late.map(({ place }) => place),
    first.length,
  );
  return { wanted: order, aside, over: [...over] };
}

/** A session ended with an error while this message was due: it is remembered where the error may be of the message. */
export async function noteBreaker(
  redis: RedisClient,
  account: string,
  run: number,
  asked: Asked | undefined,
  error: unknown,
): Promise<void> {
  if (!asked?.hasOwnUidl || !(error instanceof MailhaulError) || !codes.has(error.code)) return;
  const key = uidlKey(asked.uidl).toString('hex');
  const json = await redis.hget(accountKeys.breakers(account), key);
  const before = json ? (JSON.parse(json) as Breaker) : undefined;
  const count = (before?.run === run ? before.count : 0) + (error.code === 'server-silent' ? 2 : 1);
  const breaker: Breaker = { run, count, text: printable(error.message) };
  await redis.hset(accountKeys.breakers(account), key, JSON.stringify(breaker));
}

/** These need not be remembered any more. */
export async function forgetBreakers(redis: RedisClient, account: string, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await redis.hdel(accountKeys.breakers(account), ...keys);
}

/**
 * Messages that are owed: they were listed and could not be taken, and the next listing tells what became of them. So
 * none disappears between two sessions without a word.
 */
import { printable } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** Why a message is owed: the source refused it, or it was in a spool that is lost. */
export type OwedReason = 'unreadable' | 'spool-lost';

/** What is known of a message that is owed. */
export interface Owed {
  readonly reason: OwedReason;
  /** As Latin-1; empty where nobody noted it. */
  readonly uidl: string;
  /** Bytes that the source listed; 0 where nobody noted them. */
  readonly size: number;
  /** What the source said instead of the message. */
  readonly reply: string;
  /** How often it was asked for. */
  readonly tries: number;
  /** When it was last asked for, in milliseconds since 1970; 0 where nobody noted it. */
  readonly at: number;
}

/** A message that the source did not hand out. */
export interface UnreadableMessage extends Pick<Owed, 'uidl' | 'size' | 'reply'> {
  /** Its key, hexadecimal. */
  readonly key: string;
}

const replyMaxChars = 300;
const unknown = { uidl: '', size: 0, reply: '', tries: 1, at: 0 };

/** Notes messages by their keys (hexadecimal). */
export async function noteOwed(
  redis: RedisClient,
  account: string,
  keys: readonly string[],
  reason: OwedReason,
): Promise<void> {
  if (keys.length === 0) return;
  await redis.hset(accountKeys.owed(account), Object.fromEntries(keys.map((key) => [key, reason])));
}

/** Notes messages that the source refused; one that it refused before is counted on. Only the holder of its lease may. */
export async function noteUnreadable(
  redis: RedisClient,
  account: string,
  messages: readonly UnreadableMessage[],
  now: number,
): Promise<void> {
  if (messages.length === 0) return;
  const before = await redis.hmget(accountKeys.owed(account), ...messages.map(({ key }) => key));
  const noted = messages.map(({ key, uidl, size, reply }, i): [string, string] => {
    const past = before[i] ? owedOf(before[i]) : undefined;
    const tries = past?.reason === 'unreadable' ? past.tries + 1 : 1;
    const said = printable(reply, replyMaxChars);
    return [key, JSON.stringify({ reason: 'unreadable', uidl, size, reply: said, tries, at: now })];
  });
  await redis.hset(accountKeys.owed(account), Object.fromEntries(noted));
}

/** All that is owed: key (hexadecimal) → what is known of it. */
export async function readOwedMessages(redis: RedisClient, account: string): Promise<Map<string, Owed>> {
  const all = await redis.hgetall(accountKeys.owed(account));
  return new Map(Object.entries(all).map(([key, value]) => [key, owedOf(value)]));
}

/** All that is owed: key (hexadecimal) → reason. */
export async function readOwed(redis: RedisClient, account: string): Promise<Map<string, OwedReason>> {
  return new Map([...(await readOwedMessages(redis, account))].map(([key, { reason }]) => [key, reason]));
}

/** These are accounted for. */
export async function forgetOwed(redis: RedisClient, account: string, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await redis.hdel(accountKeys.owed(account), ...keys);
}

/** The bare reason is what earlier versions noted, and what is noted of a lost spool. */
function owedOf(value: string): Owed {
  if (!value.startsWith('{')) return { ...unknown, reason: value as OwedReason };
  return { ...unknown, ...(JSON.parse(value) as Pick<Owed, 'reason'> & Partial<Owed>) };
}

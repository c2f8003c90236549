/**
 * Messages that are owed: they were listed and could not be taken, and the next listing tells what became of them. So
 * none disappears between two sessions without a word.
 */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** Why a message is owed: the source refused it, or it was in a spool that is lost. */
export type OwedReason = 'unreadable' | 'spool-lost';

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

/** All that is owed: key (hexadecimal) → reason. */
export async function readOwed(redis: RedisClient, account: string): Promise<Map<string, OwedReason>> {
  return new Map(Object.entries(await redis.hgetall(accountKeys.owed(account)))) as Map<string, OwedReason>;
}

/** These are accounted for. */
export async function forgetOwed(redis: RedisClient, account: string, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await redis.hdel(accountKeys.owed(account), ...keys);
}

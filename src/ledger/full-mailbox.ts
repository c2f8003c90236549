/**
 * Whether the destination of an account had no room for what its spool holds: remembered from run to run until it took
 * it, so that nothing more is downloaded meanwhile.
 */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

const field = 'mailboxFull';
const sinceField = 'fullSince';

/** Notes that a mailbox is full. */
export async function noteFull(redis: RedisClient, account: string): Promise<void> {
  await redis.hset(accountKeys.ledger(account), field, 1);
}

/** Notes that the destination took everything that was in the spool: the run has no such problem any more. */
export async function noteRoom(redis: RedisClient, account: string): Promise<void> {
  if ((await redis.hdel(accountKeys.ledger(account), field)) === 0) return;
  await redis.hdel(accountKeys.problems(account), 'mailbox-full');
  await redis.hdel(accountKeys.run(account), sinceField);
}

/** Since when the run waits for room, in milliseconds since 1970: `now` if it begins to. */
export async function fullSince(redis: RedisClient, account: string, now: number): Promise<number> {
  await redis.hsetnx(accountKeys.run(account), sinceField, now);
  return Number(await redis.hget(accountKeys.run(account), sinceField));
}

/** True while the destination has not taken what the spool holds. */
export async function isFull(redis: RedisClient, account: string): Promise<boolean> {
  return (await redis.hexists(accountKeys.ledger(account), field)) === 1;
}

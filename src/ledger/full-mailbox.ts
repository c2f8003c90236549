/**
 * Whether the destination of an account had no room for what its spool holds: remembered from run to run until it took
 * it, so that nothing more is downloaded meanwhile.
 */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

const field = 'mailboxFull';

/** Notes that a mailbox is full. */
export async function noteFull(redis: RedisClient, account: string): Promise<void> {
  await redis.hset(accountKeys.ledger(account), field, 1);
}

/** Notes that the destination took everything that was in the spool: the run has no such problem any more. */
export async function noteRoom(redis: RedisClient, account: string): Promise<void> {
  if ((await redis.hdel(accountKeys.ledger(account), field)) === 0) return;
  await redis.hdel(accountKeys.problems(account), 'mailbox-full');
}

/** True while the destination has not taken what the spool holds. */
export async function isFull(redis: RedisClient, account: string): Promise<boolean> {
  return (await redis.hexists(accountKeys.ledger(account), field)) === 1;
}

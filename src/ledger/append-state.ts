/** Whether an append session serves an account's batches in a spool, so that no batch is stranded and none served twice. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';

const queueScript = new Script(`
  if redis.call('HGET', KEYS[2], 'id') ~= ARGV[2] then return 0 end
  if redis.call('HSETNX', KEYS[1], ARGV[1], 'queued') == 0 then return 0 end
  return redis.call('HINCRBY', KEYS[2], 'jobs', 1)
`);

/**
 * Notes that an append session is to be queued for this spool. Returns the number that its job gets, or 0 when one is
 * queued, active or failed already, or the run is another.
 */
export async function queueAppend(redis: RedisClient, account: string, spool: string, run: string): Promise<number> {
  const keys = [accountKeys.appendSessions(account), accountKeys.run(account)];
  return Number(await queueScript.run(redis, keys, [spool, run]));
}

/** Notes how the append session of a spool stands. */
export async function noteAppend(
  redis: RedisClient,
  account: string,
  spool: string,
  state: 'queued' | 'active' | 'failed' | 'left',
): Promise<void> {
  await redis.hset(accountKeys.appendSessions(account), spool, state);
}

const leaveScript = new Script(`
  if redis.call('HGET', KEYS[2], 'id') ~= ARGV[2] then return 0 end
  local state = redis.call('HGET', KEYS[1], ARGV[1])
  if state == 'failed' or state == 'left' then return 0 end
  return redis.call('HDEL', KEYS[1], ARGV[1])
`);

/** Notes that the append session of a spool ended with work left: the next batch, or `resume`, queues another. */
export async function leaveAppend(redis: RedisClient, account: string, spool: string, run: string): Promise<void> {
  await leaveScript.run(redis, [accountKeys.appendSessions(account), accountKeys.run(account)], [spool, run]);
}

/** How the appends of an account ended for this run before all was appended: failed or left in some spool. */
export async function appendGaveUp(redis: RedisClient, account: string): Promise<'failed' | 'left' | undefined> {
  const states = await redis.hvals(accountKeys.appendSessions(account));
  if (states.includes('failed')) return 'failed';
  return states.includes('left') ? 'left' : undefined;
}

const giveUpScript = new Script(`
  local id, listed = unpack(redis.call('HMGET', KEYS[3], 'id', 'listed'))
  if id == ARGV[2] and tonumber(listed or 0) > 0 then return 0 end
  if redis.call('ZCARD', KEYS[1]) > 0 then return 0 end
  redis.call('HDEL', KEYS[2], ARGV[1])
  return 1
`);

/**
 * Ends the session's service if no batch waits. A batch that is registered later queues a new session (design §3). One that was
 * queued before its run had listed anything names that run as `unlisted`, and goes on where it has by now: whoever lists first
 * notes how much, and then tells of it.
 */
export async function giveUpAppend(
  redis: RedisClient,
  account: string,
  spool: string,
  unlisted = '',
): Promise<boolean> {
  const keys = [accountKeys.batches(account, spool), accountKeys.appendSessions(account), accountKeys.run(account)];
  return (await giveUpScript.run(redis, keys, [spool, unlisted])) === 1;
}

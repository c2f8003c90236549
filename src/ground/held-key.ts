/**
 * Keys that one process at a time holds: a random token under a time to live, compared for equality, so that whoever
 * has lost it changes nothing any more.
 */
import type { RedisClient } from './redis.ts';
import { Script } from './redis-script.ts';

const renewScript = new Script(`
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
`);

const releaseScript = new Script(`
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  return redis.call('DEL', KEYS[1])
`);

/** Takes a key for `ms` milliseconds. False when somebody else has it. */
export async function takeKey(redis: RedisClient, key: string, token: string, ms: number): Promise<boolean> {
  const reply = await redis.set(key, token, 'PX', ms, 'NX');
  // ioredis may send SET twice when a reconnect hid the first answer: our own token means that we have it.
  return reply === 'OK' || (await redis.get(key)) === token;
}

/** Makes it ours for another `ms` milliseconds. False when it is ours no more. */
export async function renewKey(redis: RedisClient, key: string, token: string, ms: number): Promise<boolean> {
  return (await renewScript.run(redis, [key], [token, ms])) === 1;
}

/** Gives it back, if it is ours. */
export async function releaseKey(redis: RedisClient, key: string, token: string): Promise<void> {
  await releaseScript.run(redis, [key], [token]);
}

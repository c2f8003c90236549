/**
 * Rates of a host or a login, shared by all workers: each bucket remembers the time at which it is free again (the generic cell
 * rate algorithm). Who comes early gets a time of his own to begin at, so that nobody has to ask twice.
 */
import { hostKeys, loginKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';

/** What a bucket counts. */
export type RateName = 'logins' | 'messages' | 'bytes';

/** What is asked of one bucket. */
export interface RateRequest {
  readonly name: RateName;
  readonly cost: number;
  /** The limit; 0 for none. */
  readonly perSecond: number;
}

/** Either the caller may begin at this time, or he was turned away and may ask again then. Milliseconds since 1970. */
export interface RateGrant {
  readonly granted: boolean;
  readonly at: number;
}

// All buckets let the caller in at the same time, or none is changed.
const reserveScript = new Script(`
  local now, ahead = tonumber(ARGV[1]), tonumber(ARGV[2])
  local at = now
  for i = 3, #ARGV, 2 do at = math.max(at, tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or 0)) end
  if at - now > ahead then return {0, string.format('%.6f', at)} end
  for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], string.format('%.6f', at + tonumber(ARGV[i + 1]))) end
  redis.call('PEXPIRE', KEYS[1], 2 * 86400000)
  return {1, string.format('%.6f', at)}
`);

/**
 * Reserves a time to begin, at most `aheadMs` from now. What begins in any span of `s` seconds costs at most `s` times
 * the limit and one request more.
 */
export function reserveRate(
  redis: RedisClient,
  host: string,
  requests: readonly RateRequest[],
  now: number,
  aheadMs: number,
): Promise<RateGrant> {
  return reserve(redis, hostKeys.rates(host), requests, now, aheadMs);
}

/** The same of one login. */
export function reserveLoginRate(
  redis: RedisClient,
  login: string,
  requests: readonly RateRequest[],
  now: number,
  aheadMs: number,
): Promise<RateGrant> {
  return reserve(redis, loginKeys.rates(login), requests, now, aheadMs);
}

async function reserve(
  redis: RedisClient,
  key: string,
  requests: readonly RateRequest[],
  now: number,
  aheadMs: number,
): Promise<RateGrant> {
  const limited = requests.filter(({ perSecond }) => perSecond > 0);
  if (limited.length === 0) return { granted: true, at: now };
  const args = limited.flatMap(({ name, cost, perSecond }) => [name, (cost / perSecond) * 1000]);
  const reply = (await reserveScript.run(redis, [key], [now, aheadMs, ...args])) as [number, string];
  return { granted: reply[0] === 1, at: Number(reply[1]) };
}

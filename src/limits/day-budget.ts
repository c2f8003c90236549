/**
 * Bytes a day of one login, counted in buckets so that no span of a day, wherever it begins, has more: a bucket counts
 * until all of it is a day ago.
 */
import { loginKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';

/** A day has so many buckets: what is held back for want of a finer count is a hundredth of a day at most. */
const bucketsADay = 96;

/** One login's budget. */
export interface DayBudget {
  readonly login: string;
  /** Bytes in `dayMs`. */
  readonly limit: number;
  readonly dayMs: number;
}

/** What became of a reservation. `oversized`: it is larger than a whole day's budget and got a day of its own. */
export interface DayGrant {
  readonly granted: boolean;
  readonly oversized: boolean;
  /** When enough of the budget is free again, in milliseconds since 1970; `now` where it was granted. */
  readonly at: number;
}

const reserveScript = new Script(`
  local now, day, limit, bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
  local width = math.ceil(day / ${bucketsADay})
  local current = math.floor(now / width)
  local first = math.floor((now - day) / width)
  local used, buckets = 0, {}
  local flat = redis.call('HGETALL', KEYS[1])
  for i = 1, #flat, 2 do
    local bucket, count = tonumber(flat[i]), tonumber(flat[i + 1])
    if bucket < first then redis.call('HDEL', KEYS[1], flat[i])
    else
      used = used + count
      buckets[#buckets + 1] = {bucket, count}
    end
  end
  local excess = tonumber(ARGV[5])
  if excess > 0 then
    redis.call('HINCRBY', KEYS[1], string.format('%d', current), ARGV[5])
    used = used + excess
    buckets[#buckets + 1] = {current, excess}
  end
  if used + bytes <= limit or used == 0 then
    if bytes > 0 then redis.call('HINCRBY', KEYS[1], string.format('%d', current), ARGV[4]) end
    redis.call('PEXPIRE', KEYS[1], day * 2)
    return {used + bytes <= limit and 1 or 2, string.format('%d', now)}
  end
  table.sort(buckets, function(a, b) return a[1] < b[1] end)
  local at = now
  for _, entry in ipairs(buckets) do
    if used + bytes <= limit or used == 0 then break end
    used = used - entry[2]
    at = (entry[1] + 1) * width + day
  end
  return {0, string.format('%d', at)}
`);

/**
 * Reserves bytes before they move. `excess` is what earlier ones took beyond their reservations, and is counted in any
 * case. What is larger than a day's budget is let through when nothing else was in a day, and reported as `oversized`.
 */
export async function reserveDay(
  redis: RedisClient,
  { login, limit, dayMs }: DayBudget,
  bytes: number,
  now: number,
  excess = 0,
): Promise<DayGrant> {
  const whole = Math.floor(now);
  const reply = await reserveScript.run(redis, [loginKeys.dayBytes(login)], [whole, dayMs, limit, bytes, excess]);
  const [verdict, at] = reply as [number, string];
  return { granted: verdict > 0, oversized: verdict === 2, at: Number(at) };
}

/** Counts bytes that moved without a reservation, or beyond one. */
export async function chargeDay(redis: RedisClient, budget: DayBudget, bytes: number, now: number): Promise<void> {
  if (bytes > 0) await reserveDay(redis, budget, 0, now, bytes);
}

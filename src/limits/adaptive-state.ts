/** Where the controller of connections (`adaptive.ts`) keeps what it knows, for all workers. */
import { hostKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { type AdaptiveRules, type AdaptiveState, adapt, freshState, type Observation } from './adaptive.ts';

const writeScript = new Script(`
  if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, 'base', ARGV[2], 'cutAt', ARGV[3], 'baselineMs', ARGV[4],
    'slow', ARGV[5])
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  return 1
`);

/** A host that was not met for so long is a stranger. */
const rememberMs = 30 * 24 * 3600 * 1000;
/** Others write too: what they saw meanwhile is looked at again so often. */
const attempts = 20;

/** An observation before it is known how many connections were open. */
export type Seen = { readonly kind: 'throttled' } | { readonly kind: 'login'; readonly ms: number };

/** What is known of a host. */
export async function readAdaptive(redis: RedisClient, host: string): Promise<AdaptiveState> {
  return stateOf(await redis.hgetall(hostKeys.adaptive(host)));
}

/**
 * Tells the controller what a session saw of its host. One of many logins that take as long as ever may be lost to
 * others that write at the same time; an answer that throttles is not.
 */
export async function observe(
  redis: RedisClient,
  host: string,
  seen: Seen,
  now: number,
  rules: AdaptiveRules,
): Promise<void> {
  for (let attempt = 0; attempt < (seen.kind === 'throttled' ? attempts : 1); attempt += 1) {
    const [hash, inUse] = await Promise.all([
      redis.hgetall(hostKeys.adaptive(host)),
      redis.zcount(hostKeys.connections(host), now, '+inf'),
    ]);
    const observation: Observation = { ...seen, inUse: Math.max(1, inUse) };
    const next = adapt(stateOf(hash), observation, now, rules);
    const fields = [next.base, next.cutAt, next.baselineMs, next.slow, rememberMs];
    const written = await writeScript.run(redis, [hostKeys.adaptive(host)], [hash['version'] ?? 0, ...fields]);
    if (written === 1) return;
  }
}

function stateOf(hash: Record<string, string>): AdaptiveState {
  const number = (name: keyof AdaptiveState) => Number(hash[name] ?? freshState[name]);
  return { base: number('base'), cutAt: number('cutAt'), baselineMs: number('baselineMs'), slow: number('slow') };
}

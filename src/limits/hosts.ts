/** What was learned about hosts, for all workers: who cannot pipeline. */
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

const rememberMs = 30 * 24 * 3600 * 1000;

/** The host mixed up pipelined answers: it gets one command at a time from now on. */
export async function rememberOneAtATime(redis: RedisClient, host: string, port: number): Promise<void> {
  await redis.set(globalKeys.oneAtATime(host, port), '1', 'PX', rememberMs);
}

/** True for a host that must not be pipelined to. */
export async function isOneAtATime(redis: RedisClient, host: string, port: number): Promise<boolean> {
  return (await redis.exists(globalKeys.oneAtATime(host, port))) === 1;
}

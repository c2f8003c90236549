/** What was learned about hosts, for all workers: who cannot pipeline, and who does not bear CAPA. */
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

const rememberMs = 30 * 24 * 3600 * 1000;
/** A server whose CAPA is passed over is not known to pipeline: it is asked again after a day. */
const withoutCapaMs = 24 * 3600 * 1000;

/** How a POP3 server is to be talked to. */
export interface PopHabits {
  /** It must not be pipelined to. */
  readonly oneAtATime: boolean;
  /** CAPA makes it hang or hang up. */
  readonly withoutCapa: boolean;
}

/** The host mixed up pipelined answers: it gets one command at a time from now on. */
export async function rememberOneAtATime(redis: RedisClient, host: string, port: number): Promise<void> {
  await redis.set(globalKeys.oneAtATime(host, port), '1', 'PX', rememberMs);
}

/** CAPA cost a connection, and a login without it worked: it is not asked for a day. */
export async function rememberWithoutCapa(redis: RedisClient, host: string, port: number): Promise<void> {
  await redis.set(globalKeys.withoutCapa(host, port), '1', 'PX', withoutCapaMs);
}

/** True for a host that must not be pipelined to. */
export async function isOneAtATime(redis: RedisClient, host: string, port: number): Promise<boolean> {
  return (await redis.exists(globalKeys.oneAtATime(host, port))) === 1;
}

/** What was learned about a POP3 server. */
export async function popHabits(redis: RedisClient, host: string, port: number): Promise<PopHabits> {
  const [oneAtATime, withoutCapa] = await Promise.all([
    isOneAtATime(redis, host, port),
    redis.exists(globalKeys.withoutCapa(host, port)),
  ]);
  return { oneAtATime, withoutCapa: withoutCapa === 1 };
}

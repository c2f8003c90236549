/** When a server wants to see a login again: remembered for every session to come, in whatever process. */
import { loginKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** Until when a login is to be left alone, and why. */
export interface NotBefore {
  /** Milliseconds since 1970. */
  readonly untilMs: number;
  readonly because: string;
}

/** Notes a wish of the server; it is forgotten when its time has come. */
export async function noteNotBefore(
  redis: RedisClient,
  login: string,
  { untilMs, because }: NotBefore,
  now: number,
): Promise<void> {
  if (untilMs <= now) return;
  await redis.set(loginKeys.notBefore(login), JSON.stringify([untilMs, because]), 'PX', Math.ceil(untilMs - now));
}

/** The last wish of the server about this login, if it may still hold. */
export async function notBefore(redis: RedisClient, login: string): Promise<NotBefore | undefined> {
  const json = await redis.get(loginKeys.notBefore(login));
  if (json === null) return undefined;
  const [untilMs, because] = JSON.parse(json) as [number, string];
  return { untilMs, because };
}

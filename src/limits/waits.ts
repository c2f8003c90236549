/** Why accounts wait, and until when: noted where somebody is turned away, shown wherever people look. */
import type { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** A wait of one side of an account. */
export interface Wait {
  readonly side: 'source' | 'destination';
  /** Milliseconds since 1970. */
  readonly untilMs: number;
  /** The end of the sentence "waiting until 14:05 UTC, because …". */
  readonly because: string;
  /** Set where waiting alone may not help: the report tells it until the wait is over for good. */
  readonly error?: MailhaulError;
  /** The host whose budget of the day is used up, where it is that. */
  readonly spent?: string;
}

/** Notes that a side of an account waits; what it waited for before is forgotten. */
export async function noteWait(redis: RedisClient, account: string, wait: Wait): Promise<void> {
  await redis.hset(accountKeys.waits(account), wait.side, JSON.stringify([wait.untilMs, wait.because]));
}

/** A side of an account waits no more. */
export async function clearWait(redis: RedisClient, account: string, side: Wait['side']): Promise<void> {
  await redis.hdel(accountKeys.waits(account), side);
}

/** The waits of accounts that are not over at `now`, the longest first; accounts without any are missing. */
export async function readWaits(
  redis: RedisClient,
  accounts: readonly string[],
  now: number,
): Promise<Map<string, readonly Wait[]>> {
  const pipeline = redis.pipeline();
  for (const account of accounts) pipeline.hgetall(accountKeys.waits(account));
  const replies = (await pipeline.exec()) ?? [];
  const waits = new Map<string, readonly Wait[]>();
  for (const [at, [error, hash]] of replies.entries()) {
    const open = error ? [] : waitsOf(hash as Record<string, string>).filter(({ untilMs }) => untilMs > now);
    if (open.length > 0) waits.set(accounts[at]!, open);
  }
  return waits;
}

/** Of each account the wait that ends last. */
export async function longestWaits(
  redis: RedisClient,
  accounts: readonly string[],
  now: number,
): Promise<Map<string, Wait>> {
  const waits = await readWaits(redis, accounts, now);
  return new Map([...waits].flatMap(([account, [longest]]) => (longest ? [[account, longest]] : [])));
}

function waitsOf(hash: Record<string, string>): Wait[] {
  const waits = Object.entries(hash).map(([side, json]): Wait => {
    const [untilMs, because] = JSON.parse(json) as [number, string];
    return { side: side as Wait['side'], untilMs, because };
  });
  return waits.sort((a, b) => b.untilMs - a.untilMs);
}

/** A wait in words: `waiting until 14:05 UTC, because pop.example.com allows 1.25 GB a day`. */
export function waitText(wait: Wait, now: number): string {
  return `waiting ${untilText(wait, now)}`;
}

/** The same without its first word, for places that say it themselves. */
export function untilText({ untilMs, because }: Wait, now: number): string {
  return `until ${timeText(untilMs, now)}, because ${because}`;
}

/** A time as people read it: 14:05 UTC, with the date on another day, and with seconds where it is near. */
export function timeText(ms: number, now: number): string {
  const iso = new Date(ms).toISOString();
  const time = iso.slice(11, ms - now < 120_000 ? 19 : 16);
  const sameDay = iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  return `${sameDay ? '' : `${iso.slice(0, 10)} `}${time} UTC`;
}

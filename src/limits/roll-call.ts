/** Roll call: every process says in Redis what it does and that it is alive, for whoever asks how the service is. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** Turns that a process may miss before it counts as gone. */
const missedTurns = 3;
/** Processes that have been gone this long are not listed any more. */
const forgetMs = 3600_000;

/** What a process says of itself. */
export interface Present {
  readonly host: string;
  readonly pid: number;
  readonly roles: readonly string[];
  /** Id of its spool; empty for none. */
  readonly spool: string;
  /** Bytes in its spool, what is claimed for mail under way included. */
  readonly spoolBytes: number;
  /** Most bytes that its spool may hold; 0 without a spool, and missing from processes of earlier versions. */
  readonly spoolLimitBytes?: number;
  /** How often it says so, in milliseconds. */
  readonly everyMs: number;
  /** When it last said so, and when its scheduler last ticked (0: it has none); milliseconds since 1970. */
  readonly seenAt: number;
  readonly tickedAt: number;
}

/** What changes from turn to turn. */
export type Saying = Pick<Present, 'roles' | 'spool' | 'spoolBytes' | 'spoolLimitBytes' | 'tickedAt'>;

/** One process's part in the roll call. */
export class RollCall {
  readonly #redis: RedisClient;
  readonly #everyMs: number;
  readonly #say: () => Saying;
  readonly #id = randomBytes(8).toString('hex');
  #timer: NodeJS.Timeout | undefined;

  private constructor(redis: RedisClient, everyMs: number, say: () => Saying) {
    this.#redis = redis;
    this.#everyMs = everyMs;
    this.#say = say;
  }

  /** Says it now and then every `everyMs` milliseconds. */
  static async begin(redis: RedisClient, everyMs: number, say: () => Saying): Promise<RollCall> {
    const call = new RollCall(redis, everyMs, say);
    await call.#answer();
    call.#timer = setInterval(() => void call.#answer().catch(() => {}), everyMs);
    call.#timer.unref();
    return call;
  }

  /** Leaves: the process is about to end. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#redis.hdel(globalKeys.rollCall, this.#id).catch(() => 0);
  }

  async #answer(): Promise<void> {
    const own = { host: hostname(), pid: process.pid, everyMs: this.#everyMs, seenAt: Date.now() };
    await this.#redis.hset(globalKeys.rollCall, this.#id, JSON.stringify({ ...own, ...this.#say() }));
  }
}

/** The processes that are alive at `now`. Those that have been gone for an hour are forgotten. */
export async function presentProcesses(redis: RedisClient, now: number): Promise<Present[]> {
  const all = Object.entries(await redis.hgetall(globalKeys.rollCall));
  const parsed = all.map(([id, json]) => ({ id, present: JSON.parse(json) as Present }));
  const gone = parsed.filter(({ present }) => now - present.seenAt > forgetMs).map(({ id }) => id);
  if (gone.length > 0) await redis.hdel(globalKeys.rollCall, ...gone);
  return parsed.map(({ present }) => present).filter(({ seenAt, everyMs }) => now - seenAt <= missedTurns * everyMs);
}

/** Counts a session that ended with an error, for the metrics. Never throws. */
export async function countSessionFailure(redis: RedisClient, code: string, host: string): Promise<void> {
  await redis.hincrby(globalKeys.sessionFailures, `${code}|${host}`, 1).catch(() => 0);
}

/** How many sessions ended with an error, by its code and the host of the side they worked on. */
export async function sessionFailures(redis: RedisClient): Promise<{ code: string; host: string; count: number }[]> {
  const all = Object.entries(await redis.hgetall(globalKeys.sessionFailures));
  return all.map(([field, count]) => {
    const bar = field.indexOf('|');
    return { code: field.slice(0, bar), host: field.slice(bar + 1), count: Number(count) };
  });
}

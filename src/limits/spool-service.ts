/** Who serves a spool: a download starts only while an append worker takes what it puts there (design §3). */
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** Tells everybody that this process appends what lies in a spool, until it is stopped. */
export class SpoolService {
  readonly #redis: RedisClient;
  readonly #spool: string;
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;

  private constructor(redis: RedisClient, spool: string, ms: number) {
    this.#redis = redis;
    this.#spool = spool;
    this.#ms = ms;
  }

  /** Begins to serve; the word is renewed three times as often as it would lapse. */
  static async begin(redis: RedisClient, spool: string, ms: number): Promise<SpoolService> {
    const service = new SpoolService(redis, spool, ms);
    await service.#tell();
    service.#timer = setInterval(() => void service.#tell().catch(() => {}), ms / 3);
    service.#timer.unref();
    return service;
  }

  /** Stops telling. Another process may serve the same spool: the word lapses by itself. */
  end(): void {
    clearInterval(this.#timer);
  }

  async #tell(): Promise<void> {
    const now = Date.now();
    await Promise.all([
      this.#redis.set(globalKeys.spoolServed(this.#spool), '1', 'PX', this.#ms),
      this.#redis.set(globalKeys.spoolSeen(this.#spool), now),
    ]);
  }
}

/** True while an append worker serves the spool. */
export async function isSpoolServed(redis: RedisClient, spool: string): Promise<boolean> {
  return (await redis.exists(globalKeys.spoolServed(spool))) === 1;
}

/** For how long nobody has served the spool, in milliseconds; 0 while somebody does. */
export async function spoolUnservedMs(redis: RedisClient, spool: string, now: number): Promise<number> {
  if (await isSpoolServed(redis, spool)) return 0;
  // After a flush nobody knows: the time begins now.
  await redis.set(globalKeys.spoolSeen(spool), now, 'NX');
  return now - Number(await redis.get(globalKeys.spoolSeen(spool)));
}

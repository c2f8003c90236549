/** A command that works on Redis itself, and that a person may interrupt. */
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { Closers, onInterrupt } from '../ground/shutdown.ts';
import { openRedis } from '../service.ts';

/**
 * Does `work` on the Redis of the settings and gives everything back; the signal is aborted when the person wants an end, and
 * `insist` is called when he wants it at once. Throws what the work throws.
 */
export async function withRedis<T>(
  settings: LoadedSettings,
  insist: () => void,
  work: (redis: RedisClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const closers = new Closers();
  const interrupt = onInterrupt(insist);
  closers.push(() => interrupt.stop());
  try {
    const { client } = await openRedis(settings, closers);
    return await work(client, interrupt.signal);
  } finally {
    await closers.close();
  }
}

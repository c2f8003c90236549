/** Commands that work on Redis themselves, and that a person may interrupt. */
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { Closers, interruptedStatus, onInterrupt } from '../ground/shutdown.ts';
import { openRedis, openRedisBeside } from '../service.ts';

type Work<T> = (redis: RedisClient, signal: AbortSignal) => Promise<T>;

/**
 * Does `work` on the Redis of the settings and gives everything back; the signal is aborted when the person wants an end, and
 * `insist` is called when he wants it at once. Throws what the work throws.
 */
export function withRedis<T>(settings: LoadedSettings, insist: () => void, work: Work<T>): Promise<T> {
  const interrupt = onInterrupt(insist);
  return opened(openRedis, settings, interrupt, work);
}

/**
 * The same for work that may go on beside a running service, whose own Redis it then uses. Returns the exit status: that of
 * the work, unless it ended with an error because it was interrupted.
 */
export async function besideService(settings: LoadedSettings, insist: () => void, work: Work<number>): Promise<number> {
  const interrupt = onInterrupt(insist);
  try {
    return await opened(openRedisBeside, settings, interrupt, work);
  } catch (error) {
    if (interrupt.signal.aborted) return interruptedStatus;
    throw error;
  }
}

async function opened<T>(
  open: typeof openRedis,
  settings: LoadedSettings,
  interrupt: ReturnType<typeof onInterrupt>,
  work: Work<T>,
): Promise<T> {
  const closers = new Closers();
  closers.push(() => interrupt.stop());
  try {
    const { client } = await open(settings, closers);
    return await work(client, interrupt.signal);
  } finally {
    await closers.close();
  }
}

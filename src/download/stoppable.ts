/** Looking at a source for somebody who may lose interest. */
import type { PopClient } from '../pop3/client.ts';

/** Works with a client whose connection is dropped as soon as the signal is given, and at the end in any case. */
export async function untilStopped<T>(client: PopClient, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const stop = () => client.destroy();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', stop);
    client.destroy();
  }
}

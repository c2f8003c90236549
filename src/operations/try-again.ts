/** Looks at servers that failed for a moment: tried again as the error table says, after the waits of the settings. */
import { systemClock } from '../ground/clock.ts';
import { asMailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';

/** Does `work` until it succeeds or fails for good; `oneAtATime` is true once pipelining has failed. Throws MailhaulError. */
export async function tryAgain<T>(
  { retryWaitsMs }: Pick<Settings, 'retryWaitsMs'>,
  signal: AbortSignal,
  work: (oneAtATime: boolean) => Promise<T>,
): Promise<T> {
  const waits = retryWaitsMs.values();
  let oneAtATime = false;
  for (;;) {
    try {
      return await work(oneAtATime);
    } catch (thrown) {
      const error = asMailhaulError(thrown);
      const wait = waits.next().value;
      if (error.retry !== 'soon' || wait === undefined || signal.aborted) throw error;
      oneAtATime ||= error.code === 'pipelining-broken';
      await systemClock.wait(wait, signal).catch(() => {
        throw error;
      });
    }
  }
}

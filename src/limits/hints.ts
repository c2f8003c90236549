/** What servers ask for when they are too busy: the adapters read it out of their answers, run control obeys it. */
import type { MailhaulError } from '../ground/errors.ts';

/** A server's wish to be left alone. */
export interface Hint {
  /** How long, in milliseconds, where it said so. */
  readonly afterMs: number | undefined;
  /** True where it speaks of more than this one mailbox: too many connections, too much traffic. */
  readonly throttled: boolean;
  /** Its own words, safe to show. */
  readonly reply: string;
}

/** The hint that came with an error; undefined for the others. */
export function hintOf(error: MailhaulError): Hint | undefined {
  const { retryAfterMs, hint, reply } = error.details;
  if (retryAfterMs === undefined && hint === undefined) return undefined;
  const afterMs = retryAfterMs === undefined ? undefined : Number(retryAfterMs);
  return { afterMs, throttled: hint === 'throttled', reply: String(reply ?? error.message) };
}

/** What was asked for, for "waiting until 14:05 UTC, because …". */
export function hintText(error: MailhaulError, host = error.details['host'] ?? 'the server'): string {
  const reply = hintOf(error)?.reply ?? error.message;
  return `${host} asked for it: ${reply}`;
}

/**
 * How long to wait after the `count`th such answer in a row: as long as the server said, or the waits of `retryWaitsMs`
 * and then twice as long each time; never longer than `hintWaitMaxMs`.
 */
export function hintWaitMs(
  { afterMs }: Hint,
  count: number,
  { retryWaitsMs, hintWaitMaxMs }: { retryWaitsMs: readonly number[]; hintWaitMaxMs: number },
): number {
  const last = retryWaitsMs.at(-1) ?? 1000;
  const own = retryWaitsMs[count - 1] ?? last * 2 ** (count - Math.max(1, retryWaitsMs.length));
  return Math.min(hintWaitMaxMs, Math.max(afterMs ?? 0, own));
}

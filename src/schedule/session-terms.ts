/** What the schedule says to a session: until when it may work. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** setTimeout takes no longer time than this: 2^31 - 1 ms, about 25 days. */
const longestTimerMs = 2_147_483_647;

/** The terms of one session. */
export interface SessionTerms {
  /** Aborted when the window of the run closes: the session ends at its next batch boundary. */
  readonly signal: AbortSignal;
  /** To be called when the session has ended. */
  end(): void;
}

/** Looks when the window of a run closes. It is that of no other run: a `sync` of the same account knows no windows. */
export async function sessionTerms(
  redis: RedisClient,
  { account, run }: { readonly account: string; readonly run: string },
  now: number,
): Promise<SessionTerms> {
  const [of, closesAt] = await redis.hmget(accountKeys.schedule(account), 'run', 'closesAt');
  const closed = new AbortController();
  const leftMs = of === run && Number(closesAt) > 0 ? Number(closesAt) - now : Number.POSITIVE_INFINITY;
  if (leftMs <= 0) closed.abort();
  if (leftMs <= 0 || leftMs > longestTimerMs) return { signal: closed.signal, end: () => {} };
  const timer = setTimeout(() => closed.abort(), leftMs);
  return { signal: closed.signal, end: () => clearTimeout(timer) };
}

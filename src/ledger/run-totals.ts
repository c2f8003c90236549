/** Sums over all runs of accounts: the run before counts into them in the moment in which the next one begins. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { parseRun, type Run } from './run.ts';
import { type RunTotals, totalNames } from './total-names.ts';

const totalFields = totalNames.map((name) => `total:${name}`);

/** Sums of nothing. */
export const noTotals: RunTotals = {
  appended: 0,
  duplicate: 0,
  refused: 0,
  vanished: 0,
  downloaded: 0,
  bytesAppended: 0,
};

/** A run, and the sums over those before it. */
export interface RunAndBefore {
  readonly run: Run | undefined;
  readonly before: RunTotals;
}

/** The sums over all runs, the current one included. */
export function totalsOf({ run, before }: RunAndBefore): RunTotals {
  if (!run) return before;
  return Object.fromEntries(totalNames.map((name) => [name, before[name] + run[name]])) as RunTotals;
}

/**
 * Runs of many accounts, and the sums over those before them, in one round trip. Of an account whose next run begins
 * just then the sums may lack the run before, and never have it twice. Throws what Redis throws.
 */
export async function readRunsAndBefore(redis: RedisClient, accounts: readonly string[]): Promise<RunAndBefore[]> {
  const pipeline = redis.pipeline();
  for (const account of accounts) {
    pipeline.hmget(accountKeys.ledger(account), ...totalFields);
    pipeline.hgetall(accountKeys.run(account));
  }
  const replies = (await pipeline.exec()) ?? [];
  return accounts.map((_, i) => {
    const [[failed, counts], [failedToo, hash]] = [replies[2 * i]!, replies[2 * i + 1]!];
    if (failed ?? failedToo) throw failed ?? failedToo;
    const run = parseRun(hash as Record<string, string>);
    return { run, before: beforeOf(counts as (string | null)[]) };
  });
}

function beforeOf(counts: readonly (string | null)[]): RunTotals {
  if (counts.every((count) => count === null)) return noTotals;
  return Object.fromEntries(totalNames.map((name, at) => [name, Number(counts[at] ?? 0)])) as RunTotals;
}

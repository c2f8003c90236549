/** Earlier runs of an account: how each ended, in a bounded list. The run that is under way, or was last, is not in it. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { keptNumbers } from './kept-run.ts';
import type { Run, RunState } from './run.ts';

/** What is known of a run that another has followed. */
export type EarlierRun = Pick<Run, 'id' | 'state' | 'error' | 'rewritten' | (typeof keptNumbers)[number]>;

/** The runs before the one that the ledger has now, the newest first. Throws what Redis throws. */
export async function readEarlierRuns(redis: RedisClient, account: string): Promise<EarlierRun[]> {
  return (await redis.lrange(accountKeys.runHistory(account), 0, -1)).map(parse);
}

function parse(json: string): EarlierRun {
  const [id, state, error, rewrites, ...numbers] = JSON.parse(json) as [string, RunState, string, number, ...number[]];
  const counts = Object.fromEntries(keptNumbers.map((name, at) => [name, numbers[at] ?? 0])) as Pick<
    Run,
    (typeof keptNumbers)[number]
  >;
  // As `parseRun` has them.
  const known = counts.known + counts.accepted;
  return { id, state, error, rewritten: rewrites === 1 ? counts.appended : 0, ...counts, known };
}

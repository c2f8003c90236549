/** What a destination did to mail that it said OK to: merged it into other mail, or wrote it anew. */
import { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { addProblem, type Problem, problemOf } from './problems.ts';
import type { Run } from './run.ts';

/** Notes that messages were merged, for the report of the run and for who verifies the account later. */
export async function noteMerged(redis: RedisClient, account: string, host: string, count: number): Promise<void> {
  if (count === 0) return;
  await redis.hset(accountKeys.ledger(account), 'merges', 1);
  await addProblem(redis, account, 'merged-by-destination', { host }, count);
}

/** True for an account whose destination was seen to merge messages. */
export async function wasMerged(redis: RedisClient, account: string): Promise<boolean> {
  return (await redis.hexists(accountKeys.ledger(account), 'merges')) === 1;
}

/** What a report says of a run whose destination is known to change what it stores. */
export function rewrittenProblems({ rewritten: count, rewritesAt: host }: Run): Problem[] {
  return count === 0 ? [] : [problemOf(new MailhaulError('rewritten-by-destination', { host, count }), count)];
}

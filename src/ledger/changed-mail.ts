/** What a destination did to mail that it said OK to: merged it into other mail, or wrote it anew. */
import { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { noteProblem, problemOf } from './problems.ts';
import { readRun } from './run.ts';

/** Notes that messages were merged, for the report of the run and for who verifies the account later. */
export async function noteMerged(redis: RedisClient, account: string, host: string, count: number): Promise<void> {
  if (count === 0) return;
  await redis.hset(accountKeys.ledger(account), 'merges', 1);
  const sum = await redis.hincrby(accountKeys.run(account), 'merged', count);
  await noteProblem(redis, account, problemOf(new MailhaulError('merged-by-destination', { host, count: sum }), sum));
}

/** True for an account whose destination was seen to merge messages. */
export async function wasMerged(redis: RedisClient, account: string): Promise<boolean> {
  return (await redis.hexists(accountKeys.ledger(account), 'merges')) === 1;
}

/** Tells the report of a run that everything appended in it was written anew. */
export async function noteRewritten(redis: RedisClient, account: string, runId: string, host: string): Promise<void> {
  const run = await readRun(redis, account);
  if (run?.id !== runId || run.rewritten === 0) return;
  const count = run.rewritten;
  await noteProblem(redis, account, problemOf(new MailhaulError('rewritten-by-destination', { host, count }), count));
}

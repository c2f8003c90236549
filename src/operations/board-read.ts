/** Reading accounts for the board: as many as fit in a pipeline at a time, and the problems only of those that stand still. */
import type { ErrorCode } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { readRunsAndBefore } from '../ledger/run-totals.ts';
import { type NotedProblem, type Standing, wantsProblems } from './board-row.ts';

/** How accounts stand, in their order. Throws what Redis throws. */
export async function readStandings(redis: RedisClient, accounts: readonly string[]): Promise<Standing[]> {
  const found = await readRunsAndBefore(redis, accounts);
  const asked = accounts.filter((_, at) => wantsProblems(found[at]!.run));
  const problems = asked.length > 0 ? await readNoted(redis, asked) : new Map<string, NotedProblem[]>();
  return found.map((one, at) => ({ ...one, problems: problems.get(accounts[at]!) ?? [] }));
}

async function readNoted(redis: RedisClient, accounts: readonly string[]): Promise<Map<string, NotedProblem[]>> {
  const pipeline = redis.pipeline();
  for (const account of accounts) pipeline.hgetall(accountKeys.problems(account));
  const replies = (await pipeline.exec()) ?? [];
  return new Map(
    replies.map(([error, hash], at) => {
      if (error) throw error;
      const noted = Object.entries(hash as Record<string, string>).map(([code, json]) => ({
        code: code as ErrorCode,
        text: (JSON.parse(json) as { text: string }).text,
      }));
      return [accounts[at]!, noted];
    }),
  );
}

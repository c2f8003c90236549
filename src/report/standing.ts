/** How accounts stand: their parts of the report, and what else the ledger has that these are held against. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { readProblems } from '../ledger/problems.ts';
import { pendingIn, type Run, readRunMailboxes } from '../ledger/run.ts';
import { readEarlierRuns } from '../ledger/run-history.ts';
import { readRunStandings, totalsOf } from '../ledger/standing.ts';
import type { RunTotals } from '../ledger/total-names.ts';
import { type AccountReport, type ReportedAccount, runReport } from './report.ts';

/** One account. */
export interface Standing {
  readonly account: ReportedAccount;
  readonly report: AccountReport;
  readonly run: Run | undefined;
  /** Over all runs. */
  readonly totals: RunTotals;
  /** Messages that are kept with the reason why they were refused; more than are counted where the source lists some no more. */
  readonly refused: number;
  /** Messages that the source owes, or that are on their way since. */
  readonly owed: number;
  /** Messages that were signed off. */
  readonly accepted: number;
  /** Messages that were refused and are to be tried again. */
  readonly reopened: number;
  /** Of a run that listed nothing and is not complete: the last one before it that listed anything. */
  readonly listedBefore?: ListedBefore | undefined;
}

/** What an earlier run left behind. */
export interface ListedBefore {
  /** Milliseconds since 1970. */
  readonly finishedAt: number;
  /** Messages that it had listed and that were pending at its end. */
  readonly pending: number;
}

/** Reads a few accounts in as many round trips as one needs. */
export async function readStandings(redis: RedisClient, accounts: readonly ReportedAccount[]): Promise<Standing[]> {
  const keys = accounts.map(({ key }) => key);
  const [runs, kept, told] = await Promise.all([
    readRunStandings(redis, keys),
    readSizes(redis, keys),
    Promise.all(keys.map((key) => Promise.all([readRunMailboxes(redis, key), readProblems(redis, key)]))),
  ]);
  const before = await Promise.all(keys.map((key, i) => readListedBefore(redis, key, runs[i]!.run)));
  return accounts.map((account, i) => {
    const { run } = runs[i]!;
    const totals = totalsOf(runs[i]!);
    const [mailboxes, problems] = told[i]!;
    const report = runReport(account, run, mailboxes, problems);
    return { account, run, totals, report, ...kept[i]!, listedBefore: before[i] };
  });
}

/** Asked only where it can matter: for runs that did not come so far as to list anything. */
async function readListedBefore(
  redis: RedisClient,
  key: string,
  run: Run | undefined,
): Promise<ListedBefore | undefined> {
  if (!run || run.listed > 0 || run.state === 'complete') return undefined;
  const found = (await readEarlierRuns(redis, key)).find(({ listed, state }) => listed > 0 || state === 'complete');
  return found && { finishedAt: found.finishedAt, pending: pendingIn(found) };
}

async function readSizes(redis: RedisClient, keys: readonly string[]) {
  const pipeline = redis.pipeline();
  for (const key of keys) {
    pipeline.hlen(accountKeys.refusals(key));
    pipeline.hlen(accountKeys.owed(key));
    pipeline.hlen(accountKeys.acceptances(key));
    pipeline.hlen(accountKeys.triedBefore(key));
  }
  const replies = (await pipeline.exec()) ?? [];
  const size = (at: number) => Number(replies[at]?.[1] ?? 0);
  return keys.map((_, i) => {
    const at = 4 * i;
    return { refused: size(at), owed: size(at + 1), accepted: size(at + 2), reopened: size(at + 3) };
  });
}

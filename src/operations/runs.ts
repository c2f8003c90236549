/** The runs of an account: the one that it has, and how those before it ended. */
import type { Run } from '../ledger/run.ts';
import { readRun } from '../ledger/run.ts';
import { type EarlierRun, readEarlierRuns } from '../ledger/run-history.ts';
import { messageCounts } from '../report/report.ts';
import type { RunStatus } from './answers/account.ts';
import { accountById } from './selection.ts';
import type { StatusContext } from './status.ts';

/** The runs that are known, the newest first. Throws `account-unknown`. */
export async function listRuns({ redis, book }: Pick<StatusContext, 'redis' | 'book'>, id: string) {
  const { key } = await accountById(book, id);
  // The list first: a run that moves into it in between is then told as it was, and the new one beside it.
  const earlier = await readEarlierRuns(redis, key);
  const run = await readRun(redis, key);
  const others = earlier.filter((one) => one.id !== run?.id);
  return { runs: [...(run ? [run] : []), ...others].map(shown) };
}

function shown(run: Run | EarlierRun): RunStatus {
  const { id, number, state, repaired, rewritten } = run;
  // A run that got over what it had met keeps the words of it: it is not what ended the run.
  const error = state === 'waiting' || state === 'failed' ? run.error : '';
  const bytes = { listed: run.bytesListed, downloaded: run.downloaded, appended: run.bytesAppended };
  const times = {
    startedAt: new Date(run.startedAt).toISOString(),
    finishedAt: run.finishedAt > 0 ? new Date(run.finishedAt).toISOString() : null,
  };
  return { id, number, state, ...times, messages: messageCounts(run), bytes, repaired, rewritten, error };
}

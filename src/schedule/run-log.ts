/** What the log says of runs. */
import type { Log } from '../ground/log.ts';
import { pendingIn, type Run } from '../ledger/run.ts';
import type { SessionJob } from './queues.ts';
import type { RunControlContext } from './run-control-context.ts';

/** The state of a run that has ended, its counts and how long it took. The report says why. */
export function asLogged(run: Run): Readonly<Record<string, string | number>> {
  const { state, listed, known, appended, duplicate, failed, vanished, downloaded, bytesAppended } = run;
  const refused = run.refused + run.refusedBefore;
  const counts = { listed, known, appended, duplicate, refused, failed, vanished, pending: pendingIn(run) };
  const seconds = Math.max(0, run.finishedAt - run.startedAt) / 1000;
  return { state, ...counts, bytesDownloaded: downloaded, bytesAppended, seconds };
}

/** A log whose lines say whom they are about: the id of the account, or its key where that is all that is known. */
export async function logOf(
  { log, idOf }: Pick<RunControlContext, 'log' | 'idOf'>,
  { account: key, run }: Pick<SessionJob, 'account' | 'run'>,
): Promise<Log> {
  const id = await idOf?.(key).catch(() => undefined);
  return log.child(id === undefined ? { key, run } : { account: id, run });
}

/** One account on the board: what was read of it, and the row that people see. Pure. */
import type { Account } from '../accounts/account.ts';
import { errorRow } from '../ground/errors.ts';
import type { Run } from '../ledger/run.ts';
import type { NotedProblem, Standing } from '../ledger/standing.ts';
import type { Pause } from '../limits/steering.ts';
import { isForPerson, needsPerson } from '../report/needs-person.ts';
import { type MessageCounts, messageCounts, noMessages } from '../report/report.ts';
import type { TableRow } from './answers/table.ts';
import { shownState } from './census.ts';
import { shownPause } from './status.ts';

/** What stands beside the ledger's word: who the account is, what holds it, whether its schedule begins another run. */
export interface Circumstances {
  readonly account: Account;
  readonly pause: Pause | undefined;
  readonly runsAgain: boolean;
}

/** The counts of a run; of none where there is none. */
export function countsOf(run: Run | undefined): MessageCounts {
  return run ? messageCounts(run) : noMessages;
}

/** The row of an account. */
export function rowOf({ run, problems }: Standing, circumstances: Circumstances): TableRow {
  const { account, pause, runsAgain } = circumstances;
  const counts = countsOf(run);
  const codes = problems.map(({ code }) => code);
  const state = shownState(run, pause !== undefined);
  return {
    id: account.id,
    group: account.group,
    state,
    enabled: account.enabled,
    listed: counts.listed,
    settled: counts.known + counts.appended + counts.duplicate + counts.vanished,
    refused: counts.refused,
    failed: counts.failed,
    pending: counts.pending,
    bytesListed: run?.bytesListed ?? 0,
    bytesAppended: run?.bytesAppended ?? 0,
    startedAt: iso(run?.startedAt),
    finishedAt: iso(run?.finishedAt),
    source: account.source.host,
    destination: account.destination.host,
    note: state === 'paused' ? pauseNote(pause) : noteOf(run, problems),
    needsPerson: account.enabled && state !== 'paused' && needsPerson(run, codes, runsAgain),
  };
}

/** True when both rows show the same. */
export function sameRow(a: TableRow, b: TableRow): boolean {
  for (const name in a) if (a[name as keyof TableRow] !== b[name as keyof TableRow]) return false;
  return true;
}

function pauseNote(pause: Pause | undefined): string {
  if (!pause) return 'held until its window opens';
  const { scope, by, reason } = shownPause(pause);
  const what = scope === 'account' ? 'paused' : `paused with ${scope === 'all' ? 'all accounts' : scope}`;
  return `${what} by ${by}${reason === '' ? '' : `: ${reason}`}`;
}

function noteOf(run: Run | undefined, problems: readonly NotedProblem[]): string {
  if (run?.state === 'waiting') return isWait(run.error) ? `waiting ${run.error}` : run.error;
  if (run?.state !== 'incomplete' && run?.state !== 'failed') return '';
  // Waits and tries that are over leave their words in the run: only what it gave up for is among its problems.
  const last = run.state === 'failed' && problems.find(({ text }) => text === run.error);
  const grave = last || (problems.find(({ code }) => isForPerson(code)) ?? problems.find(stops));
  if (grave) return grave.text;
  if (run.state === 'failed' && !isWait(run.error)) return run.error;
  const refused = run.refused + run.refusedBefore;
  if (refused > 0) return `${refused} message(s) are refused by the destination`;
  return run.failed > 0 ? `${run.failed} message(s) could not be had of the source` : '';
}

/** What `untilText` writes. */
function isWait(error: string): boolean {
  return /^until /.test(error);
}

function stops({ code }: NotedProblem): boolean {
  return errorRow(code).stops !== 'none';
}

function iso(ms: number | undefined): string | null {
  return ms ? new Date(ms).toISOString() : null;
}

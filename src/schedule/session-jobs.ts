/** Jobs of sessions: what the first of a run says, where the run notes them, and how far they got. */
import type { Run } from '../ledger/run.ts';
import type { Wait } from '../limits/waits.ts';
import type { SessionJob, SessionKind } from './queues.ts';

/** A number that grows when a session of this kind gets anywhere. */
export function progressOf(kind: SessionKind, run: Run | undefined): number {
  if (!run) return 0;
  return kind === 'download' ? run.downloaded : run.appended + run.duplicate + run.refused;
}

/** The side of an account that a session works on. */
export function sideOf(kind: SessionKind): Wait['side'] {
  return kind === 'download' ? 'source' : 'destination';
}

/** The first download of a run. */
export function downloadJob(account: string, run: string): SessionJob {
  return { account, run, tries: 0, mark: 0, spool: '' };
}

/** The field of the run that holds the number of the newest job of a kind. */
export function jobField(kind: SessionKind, job: Pick<SessionJob, 'spool'>): string {
  return kind === 'download' ? 'downloadJob' : `appendJob:${job.spool}`;
}

/** What the end of a run means for its account's schedule. Pure. */
import type { Run } from '../ledger/run.ts';
import { countedCleanRuns, isThrough } from './due.ts';
import type { Schedule } from './schedule.ts';
import type { ScheduleState } from './state.ts';

/** True for a run that brought nothing new and left nothing failed or pending. */
export function isClean(run: Run): boolean {
  const { known, refusedBefore, vanished, failed } = run;
  const brought = run.appended + run.duplicate + run.refused;
  const pending = run.listed - known - brought - refusedBefore - vanished - failed;
  return run.finishedAt > 0 && run.download === 'done' && run.state !== 'failed' && brought + failed + pending === 0;
}

/** The state of an account whose run has ended. Runs that began before the cut-over are not counted. */
export function afterRun(schedule: Schedule, state: ScheduleState, clean: boolean, endedAt: number): ScheduleState {
  const { cutOverAt } = schedule;
  const began = state.lastStartedAt;
  const counts = clean && (cutOverAt === null || began >= cutOverAt);
  const before = counts ? countedCleanRuns(state, cutOverAt) : 0;
  const ended: ScheduleState = {
    ...state,
    run: '',
    held: false,
    closesAt: 0,
    lastFinishedAt: endedAt,
    lastMs: Math.max(1, endedAt - began),
    cleanRuns: counts ? before + 1 : 0,
    cleanFrom: before > 0 ? state.cleanFrom : counts ? began : 0,
  };
  return { ...ended, doneAt: isThrough(schedule, ended) ? endedAt : 0 };
}

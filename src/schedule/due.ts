/** When an account is due for its next run, and why. Pure. */
import { nextCron } from '../ground/cron.ts';
import type { Schedule } from './schedule.ts';
import type { RunReason, ScheduleState } from './state.ts';

/** When the next run is due: milliseconds since 1970, Infinity for never. */
export interface Due {
  readonly at: number;
  readonly reason: RunReason;
}

/** When the next run of an account is due that has none under way. What was missed while nobody looked is due once. */
export function dueOf(now: number, schedule: Schedule, state: ScheduleState): Due {
  if (state.askedAt > 0) return { at: state.askedAt, reason: 'asked' };
  const planned = Math.max(scheduled(schedule, state), schedule.startAt ?? 0);
  const cutOver = awaitedCutOver(schedule, state);
  // Once it has come it is begun as such: no window keeps it back.
  return cutOver <= Math.max(now, planned) && cutOver !== Number.POSITIVE_INFINITY
    ? { at: cutOver, reason: 'cut-over' }
    : { at: planned, reason: 'schedule' };
}

/** When the cut-over run is to begin; Infinity when there is none, or none any more. */
export function awaitedCutOver({ cutOverAt }: Schedule, { lastStartedAt }: ScheduleState): number {
  return cutOverAt !== null && lastStartedAt < cutOverAt ? cutOverAt : Number.POSITIVE_INFINITY;
}

/** True when the account has had the clean runs that end its schedule, or the one run that it was to have. */
export function isThrough(schedule: Schedule, state: ScheduleState): boolean {
  const { cutOverAt, stopAfterCleanRuns, when } = schedule;
  if (cutOverAt !== null && state.lastStartedAt < cutOverAt) return false;
  if (when.kind === 'once' && state.lastFinishedAt > 0) return true;
  return stopAfterCleanRuns > 0 && countedCleanRuns(state, cutOverAt) >= stopAfterCleanRuns;
}

/** Clean runs in a row up to now; those before the cut-over do not count. */
export function countedCleanRuns(state: ScheduleState, cutOverAt: number | null): number {
  return cutOverAt !== null && state.cleanFrom < cutOverAt ? 0 : state.cleanRuns;
}

function scheduled(schedule: Schedule, state: ScheduleState): number {
  const { when, zone } = schedule;
  const never = Number.POSITIVE_INFINITY;
  if (isThrough(schedule, state) || (when.kind === 'once' && state.lastFinishedAt > 0)) return never;
  if (when.kind === 'cron') return occurrence(when.pattern, zone, Math.max(state.seenAt, state.lastStartedAt));
  if (state.lastStartedAt === 0) return state.seenAt;
  return when.kind === 'every' ? Math.max(state.lastStartedAt + when.ms, state.lastFinishedAt) : state.lastStartedAt;
}

const spans = new Map<string, { from: number; to: number }[]>();
const spansMax = 16;
const patternsMax = 10_000;

/** `nextCron`, remembered: thousands of accounts ask for the same few nights. */
function occurrence(pattern: string, zone: string, after: number): number {
  const name = `${zone} ${pattern}`;
  const known = spans.get(name) ?? [];
  const found = known.find(({ from, to }) => from <= after && after < to);
  if (found) return found.to;
  const to = nextCron(pattern, zone, after);
  const sameEnd = known.find((span) => span.to === to);
  if (sameEnd) sameEnd.from = Math.min(sameEnd.from, after);
  else spans.set(name, [{ from: after, to }, ...known].slice(0, spansMax));
  if (spans.size > patternsMax) spans.clear();
  return to;
}

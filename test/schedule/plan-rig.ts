/** What the tests of plans share: schedules from the setting's own words, and accounts in any state. */
import type { ScheduleFields } from '../../src/ground/settings-schedules.ts';
import type { PlanAccount, Usage } from '../../src/schedule/plan.ts';
import { readSchedule, type Schedule } from '../../src/schedule/schedule.ts';
import { blankState, type ScheduleState } from '../../src/schedule/state.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** The fields of config/default.yaml, by the clock of UTC. */
export const plainFields: ScheduleFields = {
  when: 'every 24h',
  windows: [],
  zone: 'UTC',
  priority: 0,
  startAt: null,
  cutOverAt: null,
  order: 'oldest',
  stopAfterCleanRuns: 0,
};

export function scheduleOf(fields: Partial<ScheduleFields> = {}): Schedule {
  return readSchedule({ ...plainFields, ...fields });
}

export function stateOf(more: Partial<ScheduleState> = {}): ScheduleState {
  return { ...blankState, seenAt: 1, ...more };
}

export function planAccount(
  key: string,
  fields: Partial<ScheduleFields> = {},
  state: Partial<ScheduleState> = {},
  more: Partial<PlanAccount> = {},
): PlanAccount {
  return {
    key,
    source: 'pop.example',
    destination: 'imap.example',
    schedule: scheduleOf(fields),
    state: stateOf(state),
    ...more,
  };
}

export function usageOf(more: Partial<Usage> = {}): Usage {
  return { runsMax: 100, longRunsMax: 50, longRunMs: 600_000, priorityAgeMs: hourMs, hosts: {}, ...more };
}

/** Milliseconds since 1970 of an ISO time. */
export const at = (iso: string): number => Date.parse(iso);

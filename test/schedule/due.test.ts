import { describe, expect, it } from 'vitest';
import type { Run } from '../../src/ledger/run.ts';
import { afterRun, isClean } from '../../src/schedule/clean.ts';
import { dueOf, isThrough } from '../../src/schedule/due.ts';
import { readSchedule, ScheduleBook } from '../../src/schedule/schedule.ts';
import type { ScheduleState } from '../../src/schedule/state.ts';
import { windowsAt } from '../../src/schedule/windows.ts';
import { instantOf } from '../../src/schedule/zone.ts';
import { at, dayMs, hourMs, plainFields, scheduleOf, stateOf } from './plan-rig.ts';

const due = (fields: Parameters<typeof scheduleOf>[0], state: Partial<ScheduleState>, now = at('2026-06-01T12:00Z')) =>
  dueOf(now, scheduleOf(fields), stateOf(state));
const never = Number.POSITIVE_INFINITY;

describe('a run is due', () => {
  it('at once, then every N from the start of the last, and not before its end', () => {
    expect(due({ when: 'every 6h' }, { seenAt: 5 })).toEqual({ at: 5, reason: 'schedule' });
    expect(due({ when: 'every 6h' }, { lastStartedAt: hourMs, lastFinishedAt: 2 * hourMs }).at).toBe(7 * hourMs);
    expect(due({ when: 'every 6h' }, { lastStartedAt: hourMs, lastFinishedAt: 20 * hourMs }).at).toBe(20 * hourMs);
  });

  it('once, and again only where a person asks', () => {
    expect(due({ when: 'once' }, {}).at).toBe(1);
    expect(due({ when: 'once' }, { lastStartedAt: 9, lastFinishedAt: 0 }).at).toBe(9);
    const ran = { lastStartedAt: 10, lastFinishedAt: 20 };
    expect(due({ when: 'once' }, ran).at).toBe(never);
    expect(due({ when: 'once' }, { ...ran, askedAt: 30 })).toEqual({ at: 30, reason: 'asked' });
  });

  it('when cron says so after it was first seen; what was missed comes once', () => {
    const state = { seenAt: at('2026-06-01T11:00Z') };
    expect(due({ when: 'cron 0 2 * * *' }, state).at).toBe(at('2026-06-02T02:00Z'));
    expect(due({ when: 'cron 0 2 * * *', zone: 'Asia/Tokyo' }, state).at).toBe(at('2026-06-01T17:00Z'));
    const late = { ...state, lastStartedAt: at('2026-06-02T02:00:00.004Z') };
    expect(due({ when: 'cron 0 2 * * *' }, late).at).toBe(at('2026-06-03T02:00Z'));
    const caughtUp = { ...state, lastStartedAt: at('2026-06-05T09:00Z') };
    expect(due({ when: 'cron 0 2 * * *' }, caughtUp).at).toBe(at('2026-06-06T02:00Z'));
  });

  it('not before startAt, unless a person asks', () => {
    const startAt = '2026-07-01 08:00';
    expect(due({ startAt, zone: 'Europe/Oslo' }, {}).at).toBe(at('2026-07-01T06:00Z'));
    expect(due({ startAt }, { askedAt: 7 }).at).toBe(7);
  });

  it('at cutOverAt whatever the schedule says, once', () => {
    const fields = { when: 'once', cutOverAt: '2026-06-10T20:00Z' };
    const ran = { lastStartedAt: at('2026-06-01T00:00Z'), lastFinishedAt: at('2026-06-01T01:00Z') };
    const cutOver = { at: at('2026-06-10T20:00Z'), reason: 'cut-over' };
    expect(due(fields, ran)).toEqual(cutOver);
    expect(due({ ...fields, when: 'every 1h' }, ran)).toMatchObject({ reason: 'schedule' });
    expect(due({ ...fields, when: 'every 1h' }, ran, cutOver.at)).toEqual(cutOver);
    expect(due(fields, { lastStartedAt: cutOver.at, lastFinishedAt: cutOver.at + 5 }).at).toBe(never);
  });
});

describe('cron where clocks change', () => {
  const cron = (zone: string, from: string) =>
    dueOf(0, scheduleOf({ when: 'cron 30 2 * * *', zone }), stateOf({ seenAt: at(from) })).at;

  it('02:30 in the night that has none comes when the clock goes on, once', () => {
    // Oslo, 29 March 2026: 02:00 is followed by 03:00 summer time, 01:00 UTC.
    const first = cron('Europe/Oslo', '2026-03-28T12:00Z');
    expect(first).toBeGreaterThanOrEqual(at('2026-03-29T01:00Z'));
    expect(first).toBeLessThanOrEqual(at('2026-03-29T01:30Z'));
    expect(cron('Europe/Oslo', new Date(first).toISOString())).toBe(at('2026-03-30T00:30Z'));
  });

  it('02:30 in the night that has two comes once', () => {
    // Oslo, 25 October 2026: 02:30 is 00:30 UTC and again 01:30 UTC.
    const first = cron('Europe/Oslo', '2026-10-24T12:00Z');
    expect(first).toBe(at('2026-10-25T00:30Z'));
    expect(cron('Europe/Oslo', new Date(first + 1).toISOString())).toBe(at('2026-10-26T01:30Z'));
  });
});

describe('windows', () => {
  const state = (windows: string[], now: string, zone = 'UTC') => {
    const schedule = readSchedule({ ...plainFields, windows, zone });
    return windowsAt(schedule.windows, schedule.zone, at(now));
  };
  const open = (until: string) => ({ open: true, changesAt: at(until) });
  const closed = (until: string) => ({ open: false, changesAt: at(until) });

  it('over midnight', () => {
    expect(state(['22:00-06:00'], '2026-06-01T23:00Z')).toEqual(open('2026-06-02T06:00Z'));
    expect(state(['22:00-06:00'], '2026-06-01T05:59:59Z')).toEqual(open('2026-06-01T06:00Z'));
    expect(state(['22:00-06:00'], '2026-06-01T06:00Z')).toEqual(closed('2026-06-01T22:00Z'));
    expect(state(['22:00-06:00'], '2026-06-01T21:00Z', 'Europe/Oslo')).toEqual(open('2026-06-02T04:00Z'));
  });

  it('on days, with the night after the last of them', () => {
    // 6 June 2026 is a Saturday.
    expect(state(['Sat-Sun 00:00-24:00'], '2026-06-05T12:00Z')).toEqual(closed('2026-06-06T00:00Z'));
    expect(state(['Sat-Sun 00:00-24:00'], '2026-06-06T00:00Z')).toEqual(open('2026-06-08T00:00Z'));
    expect(state(['Sun 22:00-06:00'], '2026-06-08T05:00Z')).toEqual(open('2026-06-08T06:00Z'));
    expect(state(['Sun 22:00-06:00'], '2026-06-07T05:00Z')).toEqual(closed('2026-06-07T22:00Z'));
    expect(state(['Mon,Wed 08:00-09:00'], '2026-06-09T05:00Z')).toEqual(closed('2026-06-10T08:00Z'));
  });

  it('that join have no end', () => {
    expect(state(['00:00-24:00'], '2026-06-05T12:00Z')).toEqual({ open: true, changesAt: never });
    expect(state(['00:00-12:00', '12:00-18:00'], '2026-06-05T11:00Z')).toEqual(open('2026-06-05T18:00Z'));
    expect(state([], '2026-06-05T12:00Z')).toEqual({ open: true, changesAt: never });
  });

  it('in the nights in which clocks change', () => {
    const oslo = (now: string, ...windows: string[]) => state(windows, now, 'Europe/Oslo');
    expect(oslo('2026-03-28T22:30Z', '22:00-06:00')).toEqual(open('2026-03-29T04:00Z'));
    expect(oslo('2026-10-24T22:30Z', '22:00-06:00')).toEqual(open('2026-10-25T05:00Z'));
    // Its beginning is left out: it begins when the clock goes on. Wholly left out, it does not take place.
    expect(oslo('2026-03-29T00:30Z', '02:30-05:00')).toEqual(closed('2026-03-29T01:00Z'));
    expect(oslo('2026-03-29T00:30Z', '02:15-02:45')).toEqual(closed('2026-03-30T00:15Z'));
    // Shown twice: the first time counts.
    expect(oslo('2026-10-24T23:30Z', '02:30-05:00')).toEqual(closed('2026-10-25T00:30Z'));
    expect(oslo('2026-10-25T00:45Z', '22:00-02:30')).toEqual(closed('2026-10-25T21:00Z'));
  });

  it('every time of a year that a clock shows is found, in zones north and south', () => {
    for (const zone of ['Europe/Oslo', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu']) {
      for (let day = 1; day <= 365; day += 7) {
        const ms = instantOf([2026, 1, day], 12 * 60 + 17, zone);
        const shown = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(
          ms,
        );
        expect(shown).toBe('12:17');
      }
    }
  });
});

describe('the end of a run', () => {
  const ended = { finishedAt: 1, download: 'done', state: 'complete', listed: 10, known: 10 } as Run;
  const zero = { appended: 0, duplicate: 0, refused: 0, refusedBefore: 0, vanished: 0, failed: 0 };
  const run = (more: Partial<Run>): Run => ({ ...ended, ...zero, ...more });

  it.each<[Partial<Run>, boolean]>([
    [{}, true],
    [{ known: 9, refusedBefore: 1, state: 'incomplete' }, true],
    [{ known: 9, vanished: 1 }, true],
    [{ known: 9, appended: 1 }, false],
    [{ known: 9, duplicate: 1 }, false],
    [{ known: 9, refused: 1 }, false],
    [{ known: 9, failed: 1 }, false],
    [{ known: 9 }, false],
    [{ download: 'failed' }, false],
    [{ state: 'failed' }, false],
  ])('%o is clean: %s', (more, clean) => {
    expect(isClean(run(more))).toBe(clean);
  });

  const runEnds = (state: ScheduleState, startedAt: number, clean: boolean, cutOverAt: string | null = null) =>
    afterRun(
      scheduleOf({ stopAfterCleanRuns: 2, cutOverAt }),
      { ...state, run: 'r', lastStartedAt: startedAt },
      clean,
      startedAt + 7,
    );

  it('counts clean runs in a row, and ends the schedule after enough of them', () => {
    const schedule = scheduleOf({ stopAfterCleanRuns: 2 });
    const first = runEnds(stateOf(), 100, true);
    expect(first).toMatchObject({ run: '', cleanRuns: 1, cleanFrom: 100, lastMs: 7, lastFinishedAt: 107, doneAt: 0 });
    expect(runEnds(first, 200, false)).toMatchObject({ cleanRuns: 0, doneAt: 0 });
    const second = runEnds(first, 200, true);
    expect(second).toMatchObject({ cleanRuns: 2, cleanFrom: 100, doneAt: 207 });
    expect(isThrough(schedule, second)).toBe(true);
    expect(dueOf(300 + dayMs, schedule, second).at).toBe(never);
  });

  it('does not count what began before the cut-over', () => {
    const cutOverAt = new Date(1000).toISOString();
    let state = stateOf();
    for (const startedAt of [100, 200, 300]) state = runEnds(state, startedAt, true, cutOverAt);
    expect(state).toMatchObject({ cleanRuns: 0, doneAt: 0 });
    state = runEnds(state, 1000, true, cutOverAt);
    expect(state).toMatchObject({ cleanRuns: 1, doneAt: 0 });
    expect(runEnds(state, 1100, true, cutOverAt)).toMatchObject({ cleanRuns: 2, doneAt: 1107 });
    // A cut-over that is set later makes earlier clean runs worthless.
    const early = runEnds(runEnds(stateOf(), 10, true), 20, true);
    expect(runEnds(early, 1000, true, cutOverAt)).toMatchObject({ cleanRuns: 1, cleanFrom: 1000 });
  });
});

describe('the schedule of an account', () => {
  const schedules = {
    default: plainFields,
    groups: { 'wave-1': { when: 'every 1h', priority: 5 } },
    accounts: { alice: { priority: 9 } },
  };
  const book = new ScheduleBook(schedules);

  it('is its own before its group’s before the default', () => {
    const of = (id: string, group: string) => book.of({ id, group });
    expect(of('alice', 'wave-1')).toMatchObject({ when: { kind: 'every', ms: hourMs }, priority: 9 });
    expect(of('alice', 'other')).toMatchObject({ when: { kind: 'every', ms: dayMs }, priority: 9 });
    expect(of('bob', 'wave-1')).toMatchObject({ when: { kind: 'every', ms: hourMs }, priority: 5 });
    expect(of('constructor', 'toString')).toMatchObject({ when: { kind: 'every', ms: dayMs }, priority: 0 });
    expect(of('carol', 'wave-1')).toBe(of('dave', 'wave-1'));
    expect(of('carol', '')).toBe(of('dave', 'wave-7'));
  });

  it('tells which names of the settings nobody has', () => {
    const owners = [{ id: 'bob', group: 'wave-2' }];
    expect(book.strangers(owners)).toEqual({ groups: ['wave-1'], accounts: ['alice'] });
    expect(book.strangers([{ id: 'alice', group: 'wave-1' }])).toEqual({ groups: [], accounts: [] });
  });
});

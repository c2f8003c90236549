import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueOf } from '../../src/schedule/due.ts';
import { closingOf, type PlanAccount, plan, type Usage } from '../../src/schedule/plan.ts';
import { windowsAt } from '../../src/schedule/windows.ts';
import { at, dayMs, hourMs, planAccount, scheduleOf, usageOf } from './plan-rig.ts';
import { type SimulatedAccount, Simulation } from './simulation.ts';

const now = at('2026-06-03T12:00Z');
const planned = (accounts: readonly PlanAccount[], usage: Partial<Usage> = {}, when = now) =>
  plan(when, accounts, usageOf(usage));
const live = { run: 'r1', lastStartedAt: now - 1000 };
const night = { windows: ['22:00-06:00'] };
const opens = at('2026-06-03T22:00Z');
const never = Number.POSITIVE_INFINITY;

describe('a plan', () => {
  it('begins what is due and wakes for what is not', () => {
    const ran = { lastStartedAt: now - 5 * hourMs, lastFinishedAt: now - 5 * hourMs, lastMs: 1 };
    const made = planned([planAccount('a'), planAccount('b', { when: 'every 6h' }, ran)]);
    expect(made).toEqual({ start: ['a'], hold: [], release: [], waits: [], wakeAt: now + hourMs });
  });

  it('begins no second run of an account', () => {
    expect(planned([planAccount('a', { when: 'every 1s' }, { ...live, askedAt: now })]).start).toEqual([]);
  });

  it('waits for the window, and for nothing where a person asked or the cut-over has come', () => {
    const cutOverAt = new Date(now).toISOString();
    const made = planned([
      planAccount('asked', night, { askedAt: now - 1 }),
      planAccount('closed', night),
      planAccount('cut-over', { ...night, cutOverAt }),
    ]);
    expect(made).toMatchObject({ start: ['asked', 'cut-over'], wakeAt: opens });
    expect(made.waits).toEqual([{ key: 'closed', untilMs: opens, because: 'its window is closed' }]);
    expect(planned([planAccount('closed', night)], {}, opens).start).toEqual(['closed']);
  });

  it('wakes at the cut-over of an account that waits for a window', () => {
    const cutOverAt = new Date(now + 60_000).toISOString();
    expect(planned([planAccount('a', { ...night, cutOverAt })]).wakeAt).toBe(now + 60_000);
  });

  it('holds what is under way when the window closes, and releases it when it opens', () => {
    const made = planned([planAccount('a', night, live), planAccount('b', night, { ...live, held: true })]);
    expect(made).toMatchObject({ start: [], hold: ['a'], release: [], wakeAt: opens });
    expect(planned([planAccount('b', night, { ...live, held: true })], {}, opens).release).toEqual(['b']);
    // Nobody looked while it was closed: its sessions still think it is.
    const missed = planAccount('c', night, { ...live, closesAt: now - 1 });
    expect(planned([missed], {}, opens).release).toEqual(['c']);
    expect(planned([planAccount('d', night, { ...live, reason: 'asked' })]).hold).toEqual([]);
  });

  it('goes on with a held run for which somebody asks, whatever its window', () => {
    const asked = { ...live, askedAt: now - 1 };
    const made = planned([planAccount('a', night, asked), planAccount('b', night, { ...asked, held: true })]);
    expect(made).toMatchObject({ hold: [], release: ['b'], waits: [] });
  });

  it('tells when the window of a run closes', () => {
    expect(closingOf(opens, scheduleOf(night), 'schedule')).toBe(opens + 8 * hourMs);
    expect(closingOf(opens, scheduleOf(night), 'asked')).toBe(0);
    expect(closingOf(opens, scheduleOf(), 'schedule')).toBe(0);
  });

  it('leaves alone what a person has paused, asked or not', () => {
    const paused = { paused: 'eve has paused it' };
    const made = planned([planAccount('a', {}, {}, paused), planAccount('b', {}, { askedAt: 5 }, paused)]);
    expect(made.start).toEqual([]);
    expect(made.waits.map(({ key, untilMs, because }) => [key, untilMs, because])).toEqual([
      ['a', never, paused.paused],
      ['b', never, paused.paused],
    ]);
  });

  it('respects what budgets and servers say', () => {
    const wait = { untilMs: now + 5, because: 'its budget of the day is used up' };
    const made = planned([planAccount('a', {}, {}, { wait })]);
    expect(made).toMatchObject({ start: [], waits: [{ key: 'a', ...wait }], wakeAt: now + 5 });
    expect(planned([planAccount('a', {}, {}, { wait })], {}, now + 5).start).toEqual(['a']);
  });
});

describe('the order', () => {
  it('is asked, cut-over, priority, the longest, the one that has been due longest, the key', () => {
    const cutOverAt = new Date(now).toISOString();
    const took = (lastMs: number, seenAt = now) => ({ seenAt, lastMs });
    const accounts = [
      planAccount('f', {}, took(5)),
      planAccount('e', {}, took(5)),
      planAccount('d', {}, took(5, now - 1)),
      planAccount('c', {}, took(7)),
      planAccount('new', {}, took(0)),
      planAccount('b', { priority: 2 }, took(1)),
      planAccount('a', { cutOverAt }, took(1)),
      planAccount('z', { priority: -5 }, { ...took(1), askedAt: now }),
    ];
    expect(planned(accounts).start).toEqual(['z', 'a', 'b', 'new', 'c', 'd', 'e', 'f']);
  });

  it('lets what has been due for long rise by a priority an hour', () => {
    const low = planAccount('low', {}, { seenAt: now - 3 * hourMs, lastMs: 1 });
    const high = (priority: number) => planAccount('high', { priority }, { seenAt: now, lastMs: 1 });
    expect(planned([low, high(2)]).start).toEqual(['low', 'high']);
    expect(planned([low, high(4)]).start).toEqual(['high', 'low']);
  });
});

describe('what may be under way', () => {
  const many = (count: number, state: Parameters<typeof planAccount>[2] = {}, more: Partial<PlanAccount> = {}) =>
    Array.from({ length: count }, (_, i) => planAccount(`a${i}`, {}, state, more));

  it('is bounded, and what has to wait is told why', () => {
    const made = planned([...many(5), planAccount('live', {}, live)], { runsMax: 3 });
    expect(made.start).toHaveLength(2);
    expect(made.waits).toHaveLength(3);
    expect(made.waits[0]).toMatchObject({ untilMs: never, because: expect.stringContaining('runsMax') });
  });

  it('does not count what is held, paused or waits for a budget', () => {
    const idle = [
      planAccount('held', night, { ...live, held: true }),
      planAccount('paused', {}, live, { paused: 'paused' }),
      planAccount('waits', {}, live, { wait: { untilMs: never, because: 'budget' } }),
    ];
    expect(planned([...idle, ...many(3)], { runsMax: 2 }).start).toHaveLength(2);
  });

  it('has room for small mailboxes whatever the huge ones take', () => {
    const huge = Array.from({ length: 9 }, (_, i) => planAccount(`huge${i}`, {}, { lastMs: hourMs }));
    const small = many(9, { lastMs: 1000 });
    const made = planned([...huge, ...small], { runsMax: 6, longRunsMax: 4 });
    expect(made.start.filter((key) => key.startsWith('huge'))).toHaveLength(4);
    expect(made.start).toHaveLength(6);
    // One that shows itself to be long counts, whatever it took last time.
    const long = planAccount('long', {}, { run: 'r', lastStartedAt: now - hourMs });
    expect(planned([long, ...huge], { longRunsMax: 1 }).start).toEqual([]);
  });

  it('keeps the limit of each host, and goes on with others', () => {
    const there = many(3, {}, { source: 'small.example' });
    const made = planned([...there, planAccount('other')], { hosts: { 'small.example': 2 } });
    expect(made.start).toEqual(['a0', 'a1', 'other']);
    expect(made.waits).toMatchObject([{ key: 'a2', because: expect.stringContaining('small.example') }]);
    const both = { source: 'one.example', destination: 'one.example' };
    expect(planned(many(3, {}, both), { hosts: { 'one.example': 2 } }).start).toHaveLength(2);
  });

  it('goes on with what was held before it begins anything', () => {
    const held = planAccount('held', { priority: -9 }, { ...live, held: true });
    expect(planned([...many(3), held], { runsMax: 1 })).toMatchObject({ release: ['held'], start: [] });
  });
});

const someFields = fc.record({
  when: fc.constantFrom('once', 'every 20m', 'every 2h', 'cron 30 2 * * *', 'cron */20 * * * *'),
  windows: fc.constantFrom<string[]>([], ['22:00-06:00'], ['Sat-Sun 00:00-24:00', '12:00-13:00']),
  zone: fc.constantFrom('UTC', 'Europe/Oslo', 'America/New_York'),
  priority: fc.integer({ min: -3, max: 3 }),
});
const someTime = fc.integer({ min: now - 3 * dayMs, max: now });
const someState = fc.record({
  seenAt: someTime,
  lastStartedAt: fc.oneof(fc.constant(0), someTime),
  lastMs: fc.constantFrom(0, 5, hourMs),
  askedAt: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, someTime),
  run: fc.constantFrom('', '', 'r'),
  held: fc.boolean(),
  reason: fc.constantFrom('schedule' as const, 'asked' as const),
});
const someAccounts = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), someFields, someState, fc.boolean()), {
  selector: ([key]) => key,
  maxLength: 25,
});

describe('whatever the accounts are', () => {
  const of = (tuples: readonly [string, object, object, boolean][]) =>
    tuples.map(([key, fields, state, paused]) =>
      planAccount(key, fields, state, paused && key.length > 5 ? { paused: 'paused' } : {}),
    );

  it('no run begins beside another, outside a window, before it is due, or too many', () => {
    fc.assert(
      fc.property(someAccounts, fc.integer({ min: 1, max: 8 }), (tuples, runsMax) => {
        const accounts = of(tuples);
        const made = planned(accounts, { runsMax });
        const byKey = new Map(accounts.map((account) => [account.key, account]));
        expect(new Set(made.start).size).toBe(made.start.length);
        expect(made.start.length + made.release.length).toBeLessThanOrEqual(runsMax);
        for (const key of made.start) {
          const { schedule, state, paused } = byKey.get(key)!;
          const due = dueOf(now, schedule, state);
          expect(state.run + String(paused ?? '')).toBe('');
          expect(due.at).toBeLessThanOrEqual(now);
          if (due.reason === 'schedule') expect(windowsAt(schedule.windows, schedule.zone, now).open).toBe(true);
        }
        for (const key of made.release) expect(byKey.get(key)!.state).toMatchObject({ run: 'r', held: true });
        for (const { state, key } of accounts) {
          if (state.run === '' && !made.start.includes(key) && !made.waits.some((wait) => wait.key === key)) {
            expect(dueOf(now, byKey.get(key)!.schedule, state).at).toBeGreaterThan(now);
          }
        }
        expect(made.wakeAt).toBeGreaterThan(now);
      }),
    );
  });

  it('the plan is the same in whatever order they come', () => {
    fc.assert(
      fc.property(
        someAccounts,
        fc.integer({ min: 1, max: 8 }),
        fc.infiniteStream(fc.nat()),
        (tuples, runsMax, nats) => {
          const accounts = of(tuples);
          const shuffled = accounts
            .map((account) => ({ account, rank: Number(nats.next().value) }))
            .sort((a, b) => a.rank - b.rank)
            .map(({ account }) => account);
          expect(planned(shuffled, { runsMax })).toEqual(planned(accounts, { runsMax }));
        },
      ),
    );
  });

  it('one of low priority begins though others are due again whenever they end', () => {
    const busy = { source: 'pop.example', bytes: 6e8, bytesADay: 4e10, bytesASecond: 1e6, budget: 1e15 };
    const accounts: SimulatedAccount[] = ['a', 'b', 'c'].map((key) => ({
      ...busy,
      key,
      schedule: scheduleOf({ when: 'every 1m', priority: 5 }),
    }));
    const low = { ...busy, key: 'low', bytes: 1, schedule: scheduleOf({ when: 'every 1m' }) };
    const simulation = new Simulation(now, [...accounts, low], usageOf({ runsMax: 1 }));
    simulation.run(now + 2 * dayMs);
    expect(simulation.actors.get('low')!.runs.length).toBeGreaterThan(0);
  });

  it('every account that is due begins in the end', () => {
    const simulated = fc.array(fc.tuple(someFields, fc.integer({ min: 0, max: 4e10 })), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(simulated, fc.integer({ min: 1, max: 3 }), (tuples, runsMax) => {
        const accounts = tuples.map(
          ([fields, bytes], i): SimulatedAccount => ({
            key: `a${i}`,
            schedule: scheduleOf(fields),
            source: 'pop.example',
            bytes: i === 0 ? bytes : bytes / 1000,
            bytesADay: 1000,
            bytesASecond: 1e6,
            budget: 1e12,
          }),
        );
        const simulation = new Simulation(now, accounts, usageOf({ runsMax, longRunsMax: 1 }));
        simulation.run(now + 5 * dayMs);
        for (const { runs } of simulation.actors.values()) expect(runs.length).toBeGreaterThan(0);
      }),
      { numRuns: 4 },
    );
  });
});

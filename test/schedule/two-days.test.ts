/** 48 hours of a migration on a virtual clock: windows, zones, daily budgets, a host that throttles (issue: done when). */
import { beforeAll, describe, expect, it } from 'vitest';
import { at, dayMs, hourMs, scheduleOf, usageOf } from './plan-rig.ts';
import { type SimulatedAccount, Simulation } from './simulation.ts';

const MiB = 1024 * 1024;
const from = at('2026-03-28T00:00Z');
const end = from + 2 * dayMs;
const gmailBudget = 1250 * MiB;
const cutOverAt = '2026-03-29T20:00Z';

// The night between the two days is the one in which European clocks go on.
const waves = {
  nightly: scheduleOf({ when: 'cron 0 22 * * *', windows: ['22:00-06:00'], zone: 'Europe/Oslo' }),
  weekend: scheduleOf({ when: 'every 6h', windows: ['Sat-Sun 00:00-24:00'], zone: 'America/New_York' }),
  gmail: scheduleOf({ when: 'every 12h', priority: 5 }),
  often: scheduleOf({ when: 'every 30m' }),
  later: scheduleOf({ when: 'once', startAt: '2026-03-29 08:00', zone: 'Asia/Tokyo', cutOverAt }),
  settled: scheduleOf({ when: 'every 3h', stopAfterCleanRuns: 2 }),
};
type Wave = keyof typeof waves;

function accounts(): SimulatedAccount[] {
  const made: SimulatedAccount[] = [];
  for (const wave of Object.keys(waves) as Wave[]) {
    for (let i = 0; i < 50; i += 1) {
      const huge = i % 10 === 0;
      made.push({
        key: `${wave}-${String(i).padStart(2, '0')}`,
        schedule: waves[wave],
        source: wave === 'gmail' ? 'pop.gmail.example' : `pop.${wave}.example`,
        bytes: (huge ? 4000 : 20 + i) * MiB,
        bytesADay: wave === 'settled' ? 0 : 3 * MiB,
        // The huge ones of the nightly wave take longer than the seven hours of the first night.
        bytesASecond: wave === 'nightly' && huge ? 0.12 * MiB : 2 * MiB,
        budget: wave === 'gmail' ? gmailBudget : 100_000 * MiB,
      });
    }
  }
  return made;
}

const throttled = [
  { host: 'pop.often.example', from: from + 5 * hourMs, to: from + 6 * hourMs },
  { host: 'pop.gmail.example', from: from + 30 * hourMs, to: from + 31 * hourMs },
];

describe('48 hours of 300 accounts', () => {
  const usage = usageOf({ runsMax: 30, longRunsMax: 12, hosts: { 'pop.nightly.example': 20 } });
  let simulation: Simulation;
  const of = (wave: Wave) => [...simulation.actors.values()].filter(({ account }) => account.schedule === waves[wave]);

  // What it asserts on its way: one run an account, the bound on runs, due before begun, no byte outside a window.
  beforeAll(() => {
    simulation = new Simulation(from, accounts(), usage, throttled);
    simulation.run(end);
  });

  it('exceed no budget in any 24 hours', () => {
    const parts = [...simulation.actors.values()].map(({ account, parts }) => ({ account, parts }));
    for (const { account, parts: moved } of parts) {
      for (const { to } of moved) {
        const day = moved.filter((part) => part.to > to - dayMs && part.to <= to);
        expect(day.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(account.budget);
      }
    }
    // It was the budget that kept them: it is used up on both days, and then gone on with.
    const huge = of('gmail').filter(({ account }) => account.bytes > gmailBudget);
    expect(huge).toHaveLength(5);
    for (const { parts: moved } of huge) {
      const total = moved.reduce((sum, { bytes }) => sum + bytes, 0);
      expect(total).toBeGreaterThan(1.9 * gmailBudget);
      expect(total).toBeLessThanOrEqual(2 * gmailBudget);
    }
  });

  it('let every account begin, and every account end that has no budget against it', () => {
    for (const { account, runs, left } of simulation.actors.values()) {
      expect(runs.length, account.key).toBeGreaterThan(0);
      if (account.bytes <= account.budget) expect(runs.filter(({ endedAt }) => endedAt > 0).length).toBeGreaterThan(0);
      if (account.bytes <= account.budget) expect(left).toBeLessThan(20 * MiB);
    }
  });

  it('keep the nights of the zone, on the night of the change too', () => {
    const nights = [at('2026-03-28T21:00Z'), at('2026-03-29T20:00Z')];
    for (const { runs } of of('nightly')) {
      // What was first seen in the middle of a night waits for the next one.
      expect(runs).toHaveLength(2);
      runs.forEach(({ startedAt }, i) => {
        expect(startedAt).toBeGreaterThanOrEqual(nights[i]!);
        expect(startedAt).toBeLessThan(nights[i]! + 4 * hourMs);
      });
    }
  });

  it('pause what is under way when the window closes, and go on with it in the next night', () => {
    const huge = of('nightly').filter(({ account }) => account.bytes > 1000 * MiB);
    expect(huge).toHaveLength(5);
    for (const { runs, parts } of huge) {
      expect(runs[0]!.endedAt).toBeGreaterThan(at('2026-03-29T20:00Z'));
      expect(parts.some(({ to }) => to === at('2026-03-29T04:00Z'))).toBe(true);
    }
  });

  it('open the weekend with the zone’s Saturday', () => {
    for (const { runs } of of('weekend')) {
      expect(runs[0]!.startedAt).toBeGreaterThanOrEqual(at('2026-03-28T04:00Z'));
      expect(runs.length).toBeGreaterThan(4);
    }
  });

  it('come back to a small mailbox every half hour, whatever the huge ones do', () => {
    const small = of('often').filter(({ account }) => account.bytes < 1000 * MiB);
    for (const { runs } of small) {
      const starts = runs.map(({ startedAt }) => startedAt);
      const gaps = starts.slice(1).map((start, i) => start - starts[i]!);
      const [longest = 0, next = 0] = gaps.sort((a, b) => b - a);
      // Once the host answered nobody for an hour.
      expect(longest).toBeLessThanOrEqual(2 * hourMs);
      expect(next).toBeLessThanOrEqual(hourMs);
    }
  });

  it('move nothing while a host throttles', () => {
    for (const { host, from: begin, to } of throttled) {
      const there = [...simulation.actors.values()].filter(({ account }) => account.source === host);
      expect(there.flatMap(({ parts }) => parts).filter((part) => part.from < to && part.to > begin)).toEqual([]);
    }
  });

  it('begin no run before startAt, and one at the cut-over', () => {
    for (const { runs } of of('later')) {
      expect(runs.map(({ reason }) => reason)).toEqual(['schedule', 'cut-over']);
      expect(runs[0]!.startedAt).toBeGreaterThanOrEqual(at('2026-03-28T23:00Z'));
      expect(runs[1]!.startedAt).toBeGreaterThanOrEqual(at(cutOverAt));
      expect(runs[1]!.startedAt).toBeLessThan(at(cutOverAt) + hourMs);
    }
  });

  it('stop after two clean runs', () => {
    for (const { runs, state } of of('settled')) {
      expect(runs).toHaveLength(3);
      expect(state.doneAt).toBe(runs[2]!.endedAt);
    }
  });
});

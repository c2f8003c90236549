/** 48 hours by the plan and the budgets together: the real scripts on a real Redis, on a virtual clock. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { allowedNow } from '../../src/limits/adaptive.ts';
import { readAdaptive } from '../../src/limits/adaptive-state.ts';
import { windowsAt } from '../../src/schedule/windows.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { type BudgetedAccount, type BudgetedActor, BudgetSimulation, CountingHost } from './budget-simulation.ts';
import { at, dayMs, hourMs, scheduleOf, usageOf } from './plan-rig.ts';

const MB = 1_000_000;
const from = at('2026-03-28T00:00Z');
const end = from + 2 * dayMs;
const daily = 'pop.gmail.example';
const narrow = 'pop.narrow.example';
const moody = 'pop.moody.example';
const gmailDay = 1250 * MB;

const budgets = {
  default: {},
  hosts: {
    [daily]: { connectionsPerAccount: 1, downloadBytesPerDay: gmailDay },
    [narrow]: { connections: 6, loginsPerSecond: 0.5, messagesPerSecond: 4, bytesPerSecond: 2 * MB },
    [moody]: { connections: 12 },
  },
};

// The night between the two days is the one in which European clocks go on.
const waves = {
  [daily]: scheduleOf({ when: 'every 12h' }),
  [narrow]: scheduleOf({ when: 'cron 0 22 * * *', windows: ['22:00-06:00'], zone: 'Europe/Oslo' }),
  [moody]: scheduleOf({ when: 'every 3h', windows: ['Sat-Sun 00:00-24:00'], zone: 'America/New_York' }),
};
type Host = keyof typeof waves;
// From the moment on at which the windows of all its accounts open for the first time.
const throttles = { from: from + 4 * hourMs, to: from + 6 * hourMs, bears: 3 };

function some(source: Host, count: number, mail: Omit<BudgetedAccount, 'key' | 'source' | 'schedule'>, name: string) {
  return Array.from({ length: count }, (_, number): BudgetedAccount => {
    return { key: `${source} ${name} ${number}`, source, schedule: waves[source], ...mail };
  });
}

const accounts = [
  // 3.1 GB are more than two days allow, 2 GB are not.
  ...some(daily, 3, { messages: 248, messagesADay: 0, bytes: 12.5 * MB, bytesASecond: MB }, 'huge'),
  ...some(daily, 3, { messages: 160, messagesADay: 2, bytes: 12.5 * MB, bytesASecond: MB }, 'large'),
  ...some(daily, 14, { messages: 10, messagesADay: 6, bytes: MB, bytesASecond: MB }, 'small'),
  ...some(narrow, 20, { messages: 30, messagesADay: 10, bytes: 0.2 * MB, bytesASecond: MB }, 'small'),
  // Not through when the window closes.
  ...some(narrow, 1, { messages: 500, messagesADay: 0, bytes: 3 * MB, bytesASecond: 0.04 * MB }, 'slow'),
  ...some(moody, 16, { messages: 12, messagesADay: 40, bytes: 2 * MB, bytesASecond: 0.4 * MB }, 'any'),
];

describe(`48 hours of ${accounts.length} accounts at three hosts`, () => {
  const redis = useRedis();
  const hosts = new Map([daily, narrow, moody].map((name) => [name, new CountingHost()] as const));
  let simulation: BudgetSimulation;
  let allowed: number;
  const of = (host: Host, name = '') =>
    [...simulation.actors.values()].filter(({ account }) => account.key.startsWith(`${host} ${name}`));

  // What it asserts on its way: one run an account, due before begun.
  beforeAll(async () => {
    const settings = { ...loadSettings({ env: {}, options: { dataDir: 'nowhere' } }), budgets };
    hosts.get(moody)!.throttles = throttles;
    // No limits of runs at hosts: the budgets alone have to hold.
    const service = { redis: redis.client, settings, usage: usageOf({ runsMax: 60 }), accounts, hosts };
    simulation = new BudgetSimulation(from, service);
    await simulation.run(end);
    const rules = { limit: 12, raiseMs: settings.adaptiveRaiseMs, slowFactor: settings.adaptiveSlowFactor };
    allowed = allowedNow(await readAdaptive(redis.client, moody), end, rules);
  });
  afterAll(() => void vi.useRealTimers());

  it('exceed the bytes of a day in no 24 hours, wherever they begin', () => {
    for (const actor of of(daily)) {
      const most = mostIn(
        hosts.get(daily)!.asked.filter(({ account }) => account === actor.account.key),
        dayMs,
      );
      expect(most, actor.account.key).toBeLessThanOrEqual(gmailDay);
      // It is used, too, and not held back for the sake of the count.
      if (actor.account.messages > 100) expect(most).toBe(gmailDay);
    }
  });

  it('have no more connections than a host allows, at any moment', () => {
    expect(hosts.get(narrow)!.mostOpen).toBe(6);
    expect(hosts.get(moody)!.mostOpen).toBe(12);
    expect(hosts.get(daily)!.mostOpen).toBeGreaterThan(12);
  });

  it('log in, fetch and take bytes no faster than a host allows, in any span, but for one at its beginning', () => {
    const { logins, asked } = hosts.get(narrow)!;
    const ones = (times: readonly number[]) => times.map((time) => ({ at: time, bytes: 1 }));
    for (const seconds of [1, 2, 10, 60]) {
      // A time to begin is given to a fraction of a millisecond, and the clock has none.
      const span = seconds * 1000 - 1;
      expect(mostIn(ones(logins), span)).toBeLessThanOrEqual(Math.ceil(seconds * 0.5) + 1);
      expect(mostIn(ones(asked.map(({ at: time }) => time)), span)).toBeLessThanOrEqual(seconds * 4 + 1);
      expect(mostIn(asked, span)).toBeLessThanOrEqual(seconds * 2 * MB + 3 * MB);
    }
    // They come as near to it as that.
    expect(mostIn(ones(logins), 9999)).toBeGreaterThanOrEqual(5);
    expect(mostIn(asked, 59_999)).toBeGreaterThan(40 * MB);
  });

  it('begin runs and ask for messages in their windows only', () => {
    for (const { account, asked, runs } of simulation.actors.values()) {
      const { windows, zone } = account.schedule;
      const times = [
        ...asked.filter(({ scheduled }) => scheduled),
        ...runs.map(({ startedAt }) => ({ at: startedAt })),
      ];
      for (const time of times) expect(windowsAt(windows, zone, time.at).open, account.key).toBe(true);
    }
  });

  it('begin whatever is due', () => {
    const count = (actors: readonly BudgetedActor[]) => actors.map(({ runs }) => runs.length);
    expect(new Set(count(of(narrow, 'small')))).toEqual(new Set([2]));
    expect(new Set(count(of(daily, 'small')))).toEqual(new Set([4]));
    // From Saturday 04:00 UTC on, the last at 01:00 UTC of Monday at most; the two hours cost the one or other.
    for (const { runs } of of(moody)) {
      expect(runs.length).toBeGreaterThanOrEqual(13);
      expect(runs.length).toBeLessThanOrEqual(15);
    }
  });

  it('go on by themselves on the next day where a day was used up', () => {
    for (const { runs, asked, left } of of(daily, 'large')) {
      expect(left).toBe(0);
      const gap = Math.max(...asked.slice(1).map((one, number) => one.at - asked[number]!.at));
      expect(gap).toBeGreaterThan(22 * hourMs);
      expect(gap).toBeLessThan(25 * hourMs);
      expect(runs[0]!.endedAt).toBeGreaterThan(from + dayMs);
    }
    for (const { left, wait, runs } of of(daily, 'huge')) {
      expect(left).toBe(248 - 200);
      expect(wait).toMatchObject({ because: `${daily} allows 1.25 GB a day` });
      expect(wait!.untilMs).toBeGreaterThan(end);
      expect(runs).toHaveLength(1);
    }
  });

  it('ask a host that throttles for less and less, and have all its connections again when it has recovered', () => {
    const { refused, logins, crowd } = hosts.get(moody)!;
    const [first = 0] = refused;
    expect(first).toBeLessThan(throttles.from + 10_000);
    const those = (begin: number, stop: number) => crowd.filter((_, i) => logins[i]! >= begin && logins[i]! < stop);
    expect(Math.max(...those(first, first + 1000))).toBe(12);
    // Cut by half, and by half again ten seconds later; then one more after each minute, until it is too much again.
    const learned = those(first + 30_000, throttles.to);
    expect(learned.length).toBeGreaterThan(16);
    expect(Math.max(...learned)).toBeLessThanOrEqual(throttles.bears + 1);
    const late = refused.filter((time) => time > first + 30_000);
    expect(late.length).toBeLessThanOrEqual(Math.ceil((late.at(-1)! - first) / 60_000));
    expect(Math.max(...those(throttles.to, end))).toBe(12);
    expect(allowed).toBe(12);
  });

  it('carry all mail, or have a reason why they wait', () => {
    for (const { account, left, wait, state } of simulation.actors.values()) {
      const closed = !windowsAt(account.schedule.windows, account.schedule.zone, end).open;
      if (left > 0) expect(wait?.because ?? (closed && state.held), account.key).toBeTruthy();
    }
    const slow = of(narrow, 'slow')[0]!;
    expect(slow.asked.some(({ at: time }) => time > from + dayMs)).toBe(true);
    const left = [...simulation.actors.values()].filter((actor) => actor.left > 0).map(({ account }) => account.key);
    expect(left.filter((key) => !/huge|slow/.test(key))).toEqual([]);
  });
});

/** The most bytes that were asked for in any span of so many milliseconds, both ends included. */
function mostIn(asked: readonly { readonly at: number; readonly bytes: number }[], spanMs: number): number {
  const sorted = [...asked].sort((a, b) => a.at - b.at);
  let [most, sum, first] = [0, 0, 0];
  for (const { at: time, bytes } of sorted) {
    sum += bytes;
    while (sorted[first]!.at < time - spanMs) {
      sum -= sorted[first]!.bytes;
      first += 1;
    }
    most = Math.max(most, sum);
  }
  return most;
}

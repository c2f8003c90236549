/** The scheduler on a real Redis: ticks, restarts, a flush, two of them, and a `sync` beside it. */
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/ground/clock.ts';
import { accountKeys, globalKeys, loginKeys } from '../../src/ground/keys.ts';
import { silentLog } from '../../src/ground/log.ts';
import type { RedisHandle } from '../../src/ground/redis.ts';
import type { Settings } from '../../src/ground/settings.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { finishRunIfDone, type Run, readRun, updateRun } from '../../src/ledger/run.ts';
import { Bell } from '../../src/limits/bell.ts';
import { Queues } from '../../src/schedule/queues.ts';
import type { ScheduledAccount } from '../../src/schedule/roster.ts';
import { RunControl } from '../../src/schedule/run-control.ts';
import { refuseBesideScheduler, Scheduler, type SchedulerContext } from '../../src/schedule/scheduler.ts';
import { sessionTerms } from '../../src/schedule/session-terms.ts';
import { askRun, claimRun, readScheduleStates } from '../../src/schedule/state.ts';
import { Trigger } from '../../src/schedule/trigger.ts';
import { codeOf, useRedis } from '../ledger/redis-rig.ts';
import { at, hourMs, plainFields } from './plan-rig.ts';

const redis = useRedis();
const alice = 'a'.repeat(32);
const bob = 'b'.repeat(32);
let now: number;
let list: ScheduledAccount[];
let changed: () => void;

beforeEach(() => {
  now = at('2026-06-03T12:00Z');
  list = [accountOf(alice, 'alice'), accountOf(bob, 'bob', 'night')];
});

function accountOf(key: string, id: string, group = ''): ScheduledAccount {
  return { key, id, group, enabled: true, source: { host: 'pop.example' }, destination: { host: 'imap.example' } };
}

const schedules = {
  default: { ...plainFields, when: 'every 1h' },
  groups: { night: { windows: ['22:00-06:00'] } },
  accounts: {},
};

interface Process {
  readonly handle: RedisHandle;
  readonly scheduler: Scheduler;
  readonly queues: Queues;
  readonly bell: Bell;
  readonly settings: Settings;
}

/** A process that has the role of the scheduler; it does nothing unless it is told to tick. */
async function start(more: Partial<Settings> = {}, context: Partial<SchedulerContext> = {}): Promise<Process> {
  const handle = await redis.another();
  const bell = await Bell.open(handle.client, handle.duplicate());
  const queues = new Queues(handle, silentLog(), 30_000);
  const loaded = loadSettings({ env: {}, options: { dataDir: 'nowhere' } });
  const settings = { ...loaded, schedules, reconcileMs: 1000, leaseMs: 30_000, planGapMs: 5, ...more };
  const clock = { now: () => now, wait: systemClock.wait };
  const log = silentLog();
  const control = new RunControl({ redis: handle.client, settings, queues, bell, log, clock });
  const accounts = {
    all: async () => list,
    onChange: (listener: () => void) => {
      changed = listener;
      return () => {};
    },
  };
  const scheduler = new Scheduler({ redis: handle.client, settings, control, log, clock, accounts, ...context });
  onTestFinished(async () => {
    await scheduler.close();
    await queues.close();
    await bell.close();
    await handle.close();
  });
  return { handle, scheduler, queues, bell, settings };
}

const runOf = (key: string) => readRun(redis.client, key);
const stateOf = async (key: string) => (await readScheduleStates(redis.client, [key]))[0]!;
const jobsOf = async (key: string) => (await redis.client.keys(`mh-queue:*.${key}.*`)).length;

/** What a download session does that ends a run. */
async function finish(key: string, counts: Partial<Record<keyof Run, number>> = {}): Promise<void> {
  const { id } = (await runOf(key))!;
  await updateRun(redis.client, key, id, { ...counts, download: 'done' });
  for (const job of await redis.client.keys(`mh-queue:*.${key}.*`)) await redis.client.del(job);
  await finishRunIfDone(redis.client, key, id, now);
}

describe('a tick', () => {
  it('begins what is due, once, and again when it is due again', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    const first = (await runOf(alice))!;
    expect(first).toMatchObject({ number: 1, download: 'queued' });
    expect(await stateOf(alice)).toMatchObject({ run: first.id, lastStartedAt: now, reason: 'schedule', closesAt: 0 });
    expect(await runOf(bob)).toBeUndefined();
    expect(scheduler.waits).toMatchObject([{ key: bob, untilMs: at('2026-06-03T22:00Z') }]);
    now += 2 * hourMs;
    await scheduler.tick();
    expect((await runOf(alice))!.id).toBe(first.id);
    await finish(alice);
    scheduler.rang(alice);
    await scheduler.tick();
    const second = (await runOf(alice))!;
    expect(second.number).toBe(2);
    expect(await stateOf(alice)).toMatchObject({ run: second.id, cleanRuns: 1, lastFinishedAt: now });
  });

  it('notices the end of a run by its bell, without looking at others', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    await finish(alice, { listed: 1, appended: 1 });
    now += 1;
    await scheduler.tick();
    expect((await stateOf(alice)).run).not.toBe('');
    expect(scheduler.rang(bob)).toBe(false);
    expect(scheduler.rang(alice)).toBe(true);
    await scheduler.tick();
    expect(await stateOf(alice)).toMatchObject({ run: '', cleanRuns: 0, lastMs: 1 });
    expect(scheduler.wakeAt).toBeLessThanOrEqual(now + hourMs);
  });

  it('begins an asked run whatever the schedule says, and no window ends it', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    await askRun(redis.client, bob, now);
    await scheduler.tick();
    const { id } = (await runOf(bob))!;
    expect(await stateOf(bob)).toMatchObject({ run: id, askedAt: 0, reason: 'asked', closesAt: 0 });
    await finish(bob);
    scheduler.rang(bob);
    await askRun(redis.client, bob, now);
    await scheduler.tick();
    expect((await runOf(bob))!.number).toBe(2);
  });

  it('holds a run when its window closes, and lets it go on when it opens', async () => {
    now = at('2026-06-03T23:00Z');
    const { scheduler } = await start();
    await scheduler.tick();
    const { id } = (await runOf(bob))!;
    const closesAt = at('2026-06-04T06:00Z');
    expect(await stateOf(bob)).toMatchObject({ closesAt, held: false });
    now = closesAt;
    await scheduler.tick();
    expect((await runOf(bob))!.state).toBe('paused');
    expect(await stateOf(bob)).toMatchObject({ run: id, held: true });
    // Its session has ended, and nobody queues another while the window is closed.
    for (const job of await redis.client.keys(`mh-queue:*.${bob}.*`)) await redis.client.del(job);
    now += hourMs;
    await scheduler.tick();
    expect(await jobsOf(bob)).toBe(0);
    now = at('2026-06-04T22:00Z');
    await scheduler.tick();
    expect(await runOf(bob)).toMatchObject({ id, number: 1, state: 'queued' });
    expect(await stateOf(bob)).toMatchObject({ held: false, closesAt: at('2026-06-05T06:00Z') });
    expect(await jobsOf(bob)).toBe(1);
  });

  it('queues again what a crash has left undone', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    for (const job of await redis.client.keys(`mh-queue:*.${alice}.*`)) await redis.client.del(job);
    now += 999;
    await scheduler.tick();
    expect(await jobsOf(alice)).toBe(0);
    now += 1;
    await scheduler.tick();
    expect(await jobsOf(alice)).toBe(1);
  });

  it('takes a changed list over', async () => {
    const { scheduler } = await start();
    scheduler.watch(() => {});
    list = [];
    await scheduler.tick();
    expect(await runOf(alice)).toBeUndefined();
    list = [accountOf(alice, 'alice'), { ...accountOf('c'.repeat(32), 'carol'), enabled: false }];
    changed();
    await scheduler.tick();
    expect(await runOf(alice)).toBeDefined();
    expect(await runOf('c'.repeat(32))).toBeUndefined();
  });

  it('obeys what is paused and what a budget says', async () => {
    const paused = new Set([alice]);
    const steering = { pausedBy: ({ key }: { key: string }) => paused.has(key) || undefined, onChange: () => () => {} };
    const waits = new Map([[bob, { untilMs: now + hourMs, because: 'its budget of the day is used up' }]]);
    const { scheduler } = await start(
      { schedules: { ...schedules, groups: {} } },
      { steering, readWaits: async () => waits },
    );
    await scheduler.tick();
    expect([await runOf(alice), await runOf(bob)]).toEqual([undefined, undefined]);
    expect(scheduler.waits.map(({ because }) => because)).toEqual(['somebody has paused it', waits.get(bob)!.because]);
    paused.clear();
    waits.clear();
    now += 1000;
    await scheduler.tick();
    expect([await runOf(alice), await runOf(bob)]).toMatchObject([{ number: 1 }, { number: 1 }]);
  });

  it('asks Redis for next to nothing while nothing is due, however many accounts there are', async () => {
    list = Array.from({ length: 2000 }, (_, i) => accountOf(i.toString(16).padStart(32, '0'), `user-${i}`));
    const { scheduler } = await start({
      schedules: { ...schedules, default: { ...schedules.default, startAt: '2027-01-01' } },
    });
    await scheduler.tick();
    expect(scheduler.wakeAt).toBe(at('2027-01-01T00:00Z'));
    const before = await commands();
    for (let i = 0; i < 10; i += 1) await scheduler.tick();
    // GET of the lease and SMEMBERS of what was asked for, and the INFO of this test.
    expect((await commands()) - before).toBeLessThanOrEqual(10 * 2 + 1);
  });
});

async function commands(): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await redis.client.info('stats'))![1]);
}

describe('after a restart', () => {
  it('goes on with the runs of before', async () => {
    const first = await start();
    await first.scheduler.tick();
    const { id } = (await runOf(alice))!;
    await first.scheduler.close();
    for (const job of await redis.client.keys(`mh-queue:*.${alice}.*`)) await redis.client.del(job);
    now += 5 * hourMs;
    const second = await start();
    await second.scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id, number: 1 });
    expect(await jobsOf(alice)).toBe(1);
  });

  it('begins a run that was claimed and not begun', async () => {
    const claim = { run: 'r7', reason: 'schedule', closesAt: 0, startedAt: now, instead: '' } as const;
    expect(await claimRun(redis.client, alice, claim)).toBe(true);
    const { scheduler } = await start();
    await scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id: 'r7', number: 1 });
  });

  it('takes over what a sync has left, and begins nothing beside it', async () => {
    const { scheduler, settings, queues, bell, handle } = await start();
    const parts = {
      redis: handle.client,
      settings,
      queues,
      bell,
      log: silentLog(),
      clock: { ...systemClock, now: () => now },
    };
    await new RunControl(parts).start(alice, 'of-sync');
    await scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id: 'of-sync', number: 1 });
    expect(await stateOf(alice)).toMatchObject({ run: 'of-sync', reason: 'asked' });
  });
});

describe('after a flush', () => {
  it('goes on with the same runs and begins the others anew', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    const { id } = (await runOf(alice))!;
    await redis.client.flushall();
    await scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id, number: 1, download: 'queued' });
    expect(await stateOf(alice)).toMatchObject({ run: id });
    now += 1000;
    await scheduler.tick();
    expect(await jobsOf(alice)).toBe(1);
    await finish(alice);
    now += hourMs;
    await scheduler.tick();
    expect((await runOf(alice))!.number).toBe(2);
  });
});

describe('two schedulers', () => {
  it('do not work at once; the other takes over when the first is gone', async () => {
    const [one, two] = [await start(), await start()];
    await one.scheduler.tick();
    await two.scheduler.tick();
    expect([one.scheduler.leads, two.scheduler.leads]).toEqual([true, false]);
    expect((await runOf(alice))!.number).toBe(1);
    await one.scheduler.close();
    await finish(alice);
    now += hourMs;
    await two.scheduler.tick();
    expect((await runOf(alice))!.number).toBe(2);
    expect(await codeOf(refuseBesideScheduler(one.handle))).toBe('instance-running');
    await two.scheduler.close();
    await refuseBesideScheduler(one.handle);
  });

  it('that both believe to be alone begin one run', async () => {
    const [one, two] = [await start(), await start()];
    await one.scheduler.tick();
    await finish(alice);
    await one.scheduler.tick();
    await redis.client.del(loginKeys.lease(globalKeys.scheduler));
    now += hourMs;
    await two.scheduler.tick();
    const { id } = (await runOf(alice))!;
    // The first does not know yet that it has lost: it reads what is there when it asks.
    await redis.client.del(loginKeys.lease(globalKeys.scheduler));
    await one.scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id, number: 2 });
    const claims = ['x', 'y'].map((run) =>
      claimRun(redis.client, bob, { run, reason: 'schedule', closesAt: 0, startedAt: now, instead: '' }),
    );
    expect((await Promise.all(claims)).sort()).toEqual([false, true]);
  });
});

describe('the terms of a session', () => {
  const claim = { run: 'r1', reason: 'schedule', instead: '' } as const;

  it('end it when the window of its run closes, and no other run', async () => {
    await claimRun(redis.client, alice, { ...claim, closesAt: now + 30, startedAt: now });
    const terms = await sessionTerms(redis.client, { account: alice, run: 'r1' }, now);
    expect(terms.signal.aborted).toBe(false);
    await new Promise((resolve) => terms.signal.addEventListener('abort', resolve));
    expect((await sessionTerms(redis.client, { account: alice, run: 'r1' }, now + 30)).signal.aborted).toBe(true);
    expect((await sessionTerms(redis.client, { account: alice, run: 'r2' }, now + 30)).signal.aborted).toBe(false);
    expect((await sessionTerms(redis.client, { account: bob, run: 'r1' }, now)).signal.aborted).toBe(false);
  });
});

describe('the trigger', () => {
  async function open(process: Process): Promise<void> {
    const { queues, bell, settings, scheduler } = process;
    const clock = { now: () => now, wait: systemClock.wait };
    const { signal } = new AbortController();
    const trigger = await Trigger.open(scheduler, { queues, bell, settings, clock, log: silentLog(), signal });
    onTestFinished(() => trigger.close());
  }
  const until = async (holds: () => Promise<boolean>) => {
    while (!(await holds())) await redis.client.ping();
  };

  it('ticks by itself, and at once when a person asks', async () => {
    await open(await start({ reconcileMs: 3_600_000 }));
    await until(async () => (await runOf(alice)) !== undefined);
    await askRun(redis.client, bob, now);
    await until(async () => (await runOf(bob)) !== undefined);
  });

  it('ticks when a run ends, and when the plan said so', async () => {
    const process = await start({ reconcileMs: 3_600_000 });
    await open(process);
    await until(async () => (await runOf(alice)) !== undefined);
    await finish(alice);
    now += hourMs - 50;
    process.bell.ring(alice);
    await until(async () => (await stateOf(alice)).run === '');
    now += 50;
    await until(async () => (await runOf(alice))!.number === 2);
  });

  it('ticks again after a flush, which takes BullMQ’s scheduler along', async () => {
    await open(await start({ reconcileMs: 100 }));
    const scheduled = async () => (await redis.client.keys('mh-queue:plan:repeat*')).length > 0;
    await until(scheduled);
    await until(async () => (await runOf(alice)) !== undefined);
    const { id } = (await runOf(alice))!;
    await redis.client.flushall();
    await until(async () => (await scheduled()) && (await runOf(alice)) !== undefined);
    expect(await runOf(alice)).toMatchObject({ id, number: 1 });
  });

  it('of a scheduler that stands by takes over from one that was killed', async () => {
    const [one, two] = [await start({ leaseMs: 1000 }), await start({ reconcileMs: 50, leaseMs: 1000 })];
    await one.scheduler.tick();
    await one.handle.close();
    await open(two);
    await until(async () => two.scheduler.leads);
    expect(await redis.client.hget(accountKeys.schedule(alice), 'run')).toBe((await runOf(alice))!.id);
    expect((await runOf(alice))!.number).toBe(1);
  });
});

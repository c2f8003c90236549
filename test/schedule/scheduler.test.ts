/** The scheduler on a real Redis: ticks, restarts, a flush, two of them, and a `sync` beside it. */
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/ground/clock.ts';
import { globalKeys, loginKeys } from '../../src/ground/keys.ts';
import { silentLog } from '../../src/ground/log.ts';
import { startRun } from '../../src/ledger/run.ts';
import { refuseBesideScheduler } from '../../src/schedule/beside.ts';
import { RunControl } from '../../src/schedule/run-control.ts';
import { sessionTerms } from '../../src/schedule/session-terms.ts';
import { askRun, claimRun } from '../../src/schedule/state.ts';
import { codeOf } from '../ledger/redis-rig.ts';
import { at, hourMs } from './plan-rig.ts';
import { accountOf, alice, bob, schedules, useScheduler } from './scheduler-rig.ts';

const { redis, world, start, runOf, stateOf, jobsOf, finish } = useScheduler();

describe('a tick', () => {
  it('begins what is due, once, and again when it is due again', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    const first = (await runOf(alice))!;
    expect(first).toMatchObject({ number: 1, download: 'queued' });
    expect(await stateOf(alice)).toMatchObject({
      run: first.id,
      lastStartedAt: world.now,
      reason: 'schedule',
      closesAt: 0,
    });
    expect(await runOf(bob)).toBeUndefined();
    expect(scheduler.waits).toMatchObject([{ key: bob, untilMs: at('2026-06-03T22:00Z') }]);
    world.now += 2 * hourMs;
    await scheduler.tick();
    expect((await runOf(alice))!.id).toBe(first.id);
    await finish(alice);
    scheduler.rang(alice);
    await scheduler.tick();
    const second = (await runOf(alice))!;
    expect(second.number).toBe(2);
    expect(await stateOf(alice)).toMatchObject({ run: second.id, cleanRuns: 1, lastFinishedAt: world.now });
  });

  it('notices the end of a run by its bell, without looking at others', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    await finish(alice, { listed: 1, appended: 1 });
    world.now += 1;
    await scheduler.tick();
    expect((await stateOf(alice)).run).not.toBe('');
    expect(scheduler.rang(bob)).toBe(false);
    expect(scheduler.rang(alice)).toBe(true);
    await scheduler.tick();
    expect(await stateOf(alice)).toMatchObject({ run: '', cleanRuns: 0, lastMs: 1 });
    expect(scheduler.wakeAt).toBeLessThanOrEqual(world.now + hourMs);
  });

  it('begins an asked run whatever the schedule says, and no window ends it', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    await askRun(redis.client, bob, world.now);
    await scheduler.tick();
    const { id } = (await runOf(bob))!;
    expect(await stateOf(bob)).toMatchObject({ run: id, askedAt: 0, reason: 'asked', closesAt: 0 });
    await finish(bob);
    scheduler.rang(bob);
    await askRun(redis.client, bob, world.now);
    await scheduler.tick();
    expect((await runOf(bob))!.number).toBe(2);
  });

  it('holds a run when its window closes, and lets it go on when it opens', async () => {
    world.now = at('2026-06-03T23:00Z');
    const { scheduler } = await start();
    await scheduler.tick();
    const { id } = (await runOf(bob))!;
    const closesAt = at('2026-06-04T06:00Z');
    expect(await stateOf(bob)).toMatchObject({ closesAt, held: false });
    world.now = closesAt;
    await scheduler.tick();
    expect((await runOf(bob))!.state).toBe('paused');
    expect(await stateOf(bob)).toMatchObject({ run: id, held: true });
    // Its session has ended, and nobody queues another while the window is closed.
    for (const job of await redis.client.keys(`mh-queue:*.${bob}.*`)) await redis.client.del(job);
    world.now += hourMs;
    await scheduler.tick();
    expect(await jobsOf(bob)).toBe(0);
    world.now = at('2026-06-04T22:00Z');
    await scheduler.tick();
    expect(await runOf(bob)).toMatchObject({ id, number: 1, state: 'queued' });
    expect(await stateOf(bob)).toMatchObject({ held: false, closesAt: at('2026-06-05T06:00Z') });
    expect(await jobsOf(bob)).toBe(1);
  });

  it('queues again what a crash has left undone', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    for (const job of await redis.client.keys(`mh-queue:*.${alice}.*`)) await redis.client.del(job);
    world.now += 999;
    await scheduler.tick();
    expect(await jobsOf(alice)).toBe(0);
    world.now += 1;
    await scheduler.tick();
    expect(await jobsOf(alice)).toBe(1);
  });

  it('takes a changed list over', async () => {
    const { scheduler } = await start();
    scheduler.watch(() => {});
    world.list = [];
    await scheduler.tick();
    expect(await runOf(alice)).toBeUndefined();
    world.list = [accountOf(alice, 'alice'), { ...accountOf('c'.repeat(32), 'carol'), enabled: false }];
    world.changed();
    await scheduler.tick();
    expect(await runOf(alice)).toBeDefined();
    expect(await runOf('c'.repeat(32))).toBeUndefined();
  });

  it('obeys what is paused and what a budget says', async () => {
    const paused = new Set([alice]);
    const steering = { pausedBy: ({ key }: { key: string }) => paused.has(key) || undefined, onChange: () => () => {} };
    const waits = new Map([[bob, { untilMs: world.now + hourMs, because: 'its budget of the day is used up' }]]);
    const { scheduler } = await start(
      { schedules: { ...schedules, groups: {} } },
      { steering, readWaits: async () => waits },
    );
    await scheduler.tick();
    expect([await runOf(alice), await runOf(bob)]).toEqual([undefined, undefined]);
    expect(scheduler.waits.map(({ because }) => because)).toEqual(['somebody has paused it', waits.get(bob)!.because]);
    paused.clear();
    waits.clear();
    world.now += 1000;
    await scheduler.tick();
    expect([await runOf(alice), await runOf(bob)]).toMatchObject([{ number: 1 }, { number: 1 }]);
    // What a paused run has left undone stays so.
    paused.add(alice);
    for (const job of await redis.client.keys(`mh-queue:*.${alice}.*`)) await redis.client.del(job);
    for (let i = 0; i < 2; i += 1) {
      world.now += 1000;
      await scheduler.tick();
    }
    expect(await jobsOf(alice)).toBe(0);
    paused.clear();
    world.now += 1000;
    await scheduler.tick();
    expect(await jobsOf(alice)).toBe(1);
  });

  it('asks Redis for next to nothing while nothing is due, however many accounts there are', async () => {
    world.list = Array.from({ length: 2000 }, (_, i) => accountOf(i.toString(16).padStart(32, '0'), `user-${i}`));
    let planned = 0;
    const pausedBy = () => {
      planned += 1;
    };
    const late = { ...schedules, default: { ...schedules.default, startAt: '2027-01-01' } };
    const { scheduler } = await start({ schedules: late }, { steering: { pausedBy, onChange: () => () => {} } });
    await scheduler.tick();
    expect(planned).toBe(2000);
    expect(scheduler.wakeAt).toBe(at('2027-01-01T00:00Z'));
    const before = await commands();
    for (let i = 0; i < 10; i += 1) await scheduler.tick();
    // GET of the lease and SMEMBERS of what was asked for, and the INFO of this test.
    expect((await commands()) - before).toBeLessThanOrEqual(10 * 2 + 1);
    expect(planned).toBe(2000);
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
    world.now += 5 * hourMs;
    const second = await start();
    await second.scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id, number: 1 });
    expect(await jobsOf(alice)).toBe(1);
  });

  it('begins a run that was claimed and not begun', async () => {
    const claim = { run: 'r7', reason: 'schedule', closesAt: 0, startedAt: world.now, instead: '' } as const;
    expect(await claimRun(redis.client, alice, claim)).toBe(true);
    const { scheduler } = await start();
    await scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id: 'r7', number: 1 });
  });

  it('does not take the end of an earlier run for that of the claimed one', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    await finish(alice);
    scheduler.rang(alice);
    await scheduler.tick();
    await scheduler.close();
    world.now += 1;
    await claimRun(redis.client, alice, {
      run: 'r7',
      reason: 'schedule',
      closesAt: 0,
      startedAt: world.now,
      instead: '',
    });
    await (await start()).scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id: 'r7', number: 2, finishedAt: 0 });
  });

  it('goes on with the run of a sync that began after its own', async () => {
    const { scheduler } = await start();
    await scheduler.tick();
    world.now += 1000;
    await startRun(redis.client, alice, 'of-sync', world.now, false);
    await scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id: 'of-sync', number: 2 });
    expect(await stateOf(alice)).toMatchObject({ run: 'of-sync' });
  });

  it('takes over what a sync has left, and begins nothing beside it', async () => {
    const { scheduler, settings, queues, bell, handle } = await start();
    const parts = {
      redis: handle.client,
      settings,
      queues,
      bell,
      log: silentLog(),
      clock: { ...systemClock, now: () => world.now },
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
    world.now += 1000;
    await scheduler.tick();
    expect(await jobsOf(alice)).toBe(1);
    await finish(alice);
    world.now += hourMs;
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
    world.now += hourMs;
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
    world.now += hourMs;
    await two.scheduler.tick();
    const { id } = (await runOf(alice))!;
    // The first does not know yet that it has lost: it reads what is there when it asks.
    await redis.client.del(loginKeys.lease(globalKeys.scheduler));
    await one.scheduler.tick();
    expect(await runOf(alice)).toMatchObject({ id, number: 2 });
    const claims = ['x', 'y'].map((run) =>
      claimRun(redis.client, bob, { run, reason: 'schedule', closesAt: 0, startedAt: world.now, instead: '' }),
    );
    expect((await Promise.all(claims)).sort()).toEqual([false, true]);
  });
});

describe('the terms of a session', () => {
  const claim = { run: 'r1', reason: 'schedule', instead: '' } as const;

  it('end it when the window of its run closes, and no other run', async () => {
    await claimRun(redis.client, alice, { ...claim, closesAt: world.now + 30, startedAt: world.now });
    const terms = await sessionTerms(redis.client, { account: alice, run: 'r1' }, world.now);
    expect(terms.signal.aborted).toBe(false);
    await new Promise((resolve) => terms.signal.addEventListener('abort', resolve));
    expect((await sessionTerms(redis.client, { account: alice, run: 'r1' }, world.now + 30)).signal.aborted).toBe(true);
    expect((await sessionTerms(redis.client, { account: alice, run: 'r2' }, world.now + 30)).signal.aborted).toBe(
      false,
    );
    expect((await sessionTerms(redis.client, { account: bob, run: 'r1' }, world.now)).signal.aborted).toBe(false);
  });
});

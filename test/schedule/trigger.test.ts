/** What makes the scheduler tick, on a real Redis with BullMQ. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/ground/clock.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { silentLog } from '../../src/ground/log.ts';
import { askRun } from '../../src/schedule/state.ts';
import { Trigger } from '../../src/schedule/trigger.ts';
import { hourMs } from './plan-rig.ts';
import { alice, bob, type Process, useScheduler } from './scheduler-rig.ts';

const { redis, world, start, runOf, stateOf, finish } = useScheduler();

describe('the trigger', () => {
  async function open(process: Process): Promise<void> {
    const { queues, bell, settings, scheduler } = process;
    const clock = { now: () => world.now, wait: systemClock.wait };
    const { signal } = new AbortController();
    const trigger = await Trigger.open(scheduler, { queues, bell, settings, clock, log: silentLog(), signal });
    onTestFinished(() => trigger.close());
  }
  const until = async (holds: () => Promise<boolean>) => {
    while (!(await holds())) await redis.client.ping();
  };

  it('ticks by itself, and at once when a person asks', async () => {
    const process = await start({ reconcileMs: 3_600_000 });
    await open(process);
    await until(async () => (await runOf(alice)) !== undefined);
    await askRun(redis.client, bob, world.now);
    await until(async () => (await runOf(bob)) !== undefined);
    // And again when all is quiet.
    await finish(bob);
    process.bell.ring(bob);
    await until(async () => (await stateOf(bob)).run === '');
    await askRun(redis.client, bob, world.now);
    await until(async () => (await runOf(bob))!.number === 2);
  });

  it('ticks when a run ends, and when the plan said so', async () => {
    const process = await start({ reconcileMs: 3_600_000 });
    await open(process);
    await until(async () => (await runOf(alice)) !== undefined);
    await finish(alice);
    world.now += hourMs - 50;
    process.bell.ring(alice);
    await until(async () => (await stateOf(alice)).run === '');
    world.now += 50;
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

/** What the tests of the scheduler share: a list, a clock that stands still, and processes that have its role. */
import { beforeEach, onTestFinished } from 'vitest';
import { systemClock } from '../../src/ground/clock.ts';
import { silentLog } from '../../src/ground/log.ts';
import type { RedisHandle } from '../../src/ground/redis.ts';
import type { Settings } from '../../src/ground/settings.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { type Run, readRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { Bell } from '../../src/limits/bell.ts';
import { Queues } from '../../src/schedule/queues.ts';
import type { ScheduledAccount } from '../../src/schedule/roster.ts';
import { RunControl } from '../../src/schedule/run-control.ts';
import { Scheduler } from '../../src/schedule/scheduler.ts';
import type { SchedulerContext } from '../../src/schedule/scheduler-context.ts';
import { readScheduleStates } from '../../src/schedule/state.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { at, plainFields } from './plan-rig.ts';

export const alice = 'a'.repeat(32);
export const bob = 'b'.repeat(32);

export function accountOf(key: string, id: string, group = ''): ScheduledAccount {
  return { key, id, group, enabled: true, source: { host: 'pop.example' }, destination: { host: 'imap.example' } };
}

export const schedules = {
  default: { ...plainFields, when: 'every 1h' },
  groups: { night: { windows: ['22:00-06:00'] } },
  accounts: {},
};

/** A process with the role of the scheduler. */
export interface Process {
  readonly handle: RedisHandle;
  readonly scheduler: Scheduler;
  readonly queues: Queues;
  readonly bell: Bell;
  readonly settings: Settings;
}

/** Registers a Redis for the tests of a file, and gives what they work with. */
export function useScheduler() {
  const redis = useRedis();
  const world = { now: 0, list: [] as ScheduledAccount[], changed: () => {} };
  beforeEach(() => {
    world.now = at('2026-06-03T12:00Z');
    world.list = [accountOf(alice, 'alice'), accountOf(bob, 'bob', 'night')];
  });

  /** A process that has the role of the scheduler; it does nothing unless it is told to tick. */
  async function start(more: Partial<Settings> = {}, context: Partial<SchedulerContext> = {}): Promise<Process> {
    const handle = await redis.another();
    const bell = await Bell.open(handle.client, handle.duplicate());
    const queues = new Queues(handle, silentLog(), 30_000);
    const loaded = loadSettings({ env: {}, options: { dataDir: 'nowhere' } });
    const settings = { ...loaded, schedules, reconcileMs: 1000, leaseMs: 30_000, planGapMs: 5, ...more };
    const clock = { now: () => world.now, wait: systemClock.wait };
    const log = silentLog();
    const control = new RunControl({ redis: handle.client, settings, queues, bell, log, clock });
    const accounts = {
      all: async () => world.list,
      onChange: (listener: () => void) => {
        world.changed = listener;
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
    await finishRunIfDone(redis.client, key, id, world.now);
  }

  return { redis, world, start, runOf, stateOf, jobsOf, finish };
}

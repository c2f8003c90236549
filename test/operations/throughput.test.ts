import { expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../src/ground/clock.ts';
import { globalKeys } from '../../src/ground/keys.ts';
import type { RedisClient } from '../../src/ground/redis.ts';
import { readThroughput, ThroughputSampler } from '../../src/operations/throughput.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const patience = { timeout: 20_000, interval: 20 };
const stepMs = 1000;

/** A sampler whose world has had `moved` since it was opened, and `carried` altogether. */
function sampler(client: RedisClient, world: { moved: number; carried: number }, throughputStepMs = stepMs) {
  const both = (count: number) => ({ messages: count, bytes: 10 * count });
  const failures: unknown[] = [];
  const one = new ThroughputSampler({
    redis: client,
    settings: { throughputStepMs, throughputSteps: 3 },
    clock: systemClock,
    look: async () => ({ moved: both(world.moved), carried: both(world.carried) }),
    failed: (error) => failures.push(error),
  });
  one.begin();
  onTestFinished(() => one.close());
  return { one, failures };
}

const samples = async () => (await readThroughput(redis.client, { throughputStepMs: stepMs })).samples;
const sum = async () => (await samples()).reduce((all, { messages }) => all + messages, 0);

it('notes each step once, however many look, and keeps the newest', async () => {
  const world = { moved: 0, carried: 500 };
  const clients = [redis.client, (await redis.another()).client];
  const [first, second] = clients.map((client) => sampler(client, world, 200));
  world.moved += 7;
  world.carried += 7;
  await vi.waitFor(async () => expect(await sum()).toBe(7), patience);
  await vi.waitFor(async () => expect(await samples()).toHaveLength(3), patience);
  const found = await samples();
  const times = found.map(({ at }) => Date.parse(at));
  expect(new Set(times).size).toBe(3);
  expect(times.every((at) => at % 200 === 0)).toBe(true);
  await vi.waitFor(async () => expect((await samples())[0]!.at > found[0]!.at).toBe(true), patience);
  expect(await samples()).toHaveLength(3);
  expect([...first!.failures, ...second!.failures]).toEqual([]);
});

it('counts on from where the process before it stopped', async () => {
  const step = Math.floor(Date.now() / 1000) * 1000 - 1000;
  await redis.client.xadd(globalKeys.throughput, `${step}-0`, 'm', 1, 'b', 1, 'M', 100, 'B', 1000);
  sampler(redis.client, { moved: 0, carried: 104 });
  await vi.waitFor(async () => expect((await samples())[1]).toMatchObject({ messages: 4, bytes: 40 }), patience);
});

it('does not take for one step what was done in a long absence', async () => {
  await redis.client.xadd(globalKeys.throughput, '5000-0', 'm', 1, 'b', 1, 'M', 100, 'B', 1000);
  sampler(redis.client, { moved: 0, carried: 999 });
  await vi.waitFor(async () => expect((await samples())[1]).toMatchObject({ messages: 0, bytes: 0 }), patience);
});

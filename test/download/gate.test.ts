import { expect, it } from 'vitest';
import { Gate, isHeldBack } from '../../src/download/gate.ts';
import { noteFull, noteRoom } from '../../src/ledger/full-mailbox.ts';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { alice, bob, makeBatch, newSpool } from '../spool/spool-rig.ts';

const redis = useRedis();

it('is closed while the mailbox is full and a batch waits for it, and for that account alone', async () => {
  const spool = await newSpool();
  let now = 0;
  const clock = { now: () => now, wait: () => Promise.resolve() };
  const gate = new Gate(redis.client, alice, spool.space, clock);
  const other = new Gate(redis.client, bob, spool.space, clock);
  const closed = () => {
    now += 500;
    return Promise.all([gate.isClosed(), other.isClosed()]);
  };
  await noteFull(redis.client, alice);
  expect(await closed()).toEqual([false, false]);
  const { batch } = await makeBatch(spool, ['a']);
  await spool.space.measure();
  expect(await closed()).toEqual([true, false]);
  await noteRoom(redis.client, alice);
  // Redis is not asked for each message.
  expect(await gate.isClosed()).toBe(true);
  expect(await closed()).toEqual([false, false]);
  await noteFull(redis.client, alice);
  expect(await closed()).toEqual([true, false]);
  await spool.remove(alice, batch);
  expect(await closed()).toEqual([false, false]);
});

it('lets no session begin that would find it closed, but for the one that lists', async () => {
  const spool = await newSpool();
  const held = () => isHeldBack(redis.client, alice, spool.space);
  await startRun(redis.client, alice, 'r1', 1, false);
  await noteFull(redis.client, alice);
  await makeBatch(spool, ['a']);
  await spool.space.measure();
  expect(await held()).toBe(false);
  await updateRun(redis.client, alice, 'r1', { listed: 3 });
  expect(await held()).toBe(true);
  await noteRoom(redis.client, alice);
  expect(await held()).toBe(false);
});

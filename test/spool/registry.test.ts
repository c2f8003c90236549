import { describe, expect, it } from 'vitest';
import { accountKeys } from '../../src/ground/keys.ts';
import {
  forgetBatch,
  forgetSpool,
  isDone,
  registeredBatches,
  spooledKeys,
  spoolsWithBatches,
  waitingBatches,
} from '../../src/ledger/batches.ts';
import { uidlKey } from '../../src/ledger/record.ts';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import { codeOf, useRedis } from '../ledger/redis-rig.ts';
import { alice, makeBatch, newSpool } from './spool-rig.ts';

const redis = useRedis();
const keys = (...uidls: string[]) => new Set(uidls.map((uidl) => uidlKey(Buffer.from(uidl)).toString('hex')));

describe('the registry', () => {
  it('keeps the order in which batches were handed over', async () => {
    const spool = await newSpool();
    const batches = [];
    for (const uidl of ['a', 'b', 'c']) batches.push(await makeBatch(spool, [uidl]));
    const [a, b, c] = batches as [(typeof batches)[0], (typeof batches)[0], (typeof batches)[0]];
    for (const batch of [c!, a!, b!]) await registerBatch(redis.client, spool.id, batch);
    expect(await registeredBatches(redis.client, alice, spool.id)).toEqual([c!.batch, a!.batch, b!.batch]);
  });

  it('does nothing when the same batch is registered twice', async () => {
    const manifest = await makeBatch(await newSpool(), ['a', 'b']);
    expect(await registerBatch(redis.client, 's', manifest)).toBe(true);
    expect(await registerBatch(redis.client, 's', manifest)).toBe(false);
    expect(await redis.client.hgetall(accountKeys.spools(alice))).toEqual({ s: '1' });
    expect(await redis.client.hget(accountKeys.run(alice), 'downloaded')).toBe(String(manifest.bytes));
  });

  it('refuses a batch of a session after which another has begun, and takes that of the last one', async () => {
    const [late, next] = [await makeBatch(await newSpool(), ['a']), await makeBatch(await newSpool(), ['a'])];
    await startRun(redis.client, alice, 'r', 1, false);
    await updateRun(redis.client, alice, 'r', { taker: 'first' });
    await updateRun(redis.client, alice, 'r', { taker: 'second' });
    expect(await codeOf(registerBatch(redis.client, 's', late, false, 'first'))).toBe('lease-lost');
    expect(await registeredBatches(redis.client, alice, 's')).toEqual([]);
    expect(await registerBatch(redis.client, 's', next, false, 'second')).toBe(true);
    // Sent again by a connection that lost the answer, it is still the batch that is there.
    await updateRun(redis.client, alice, 'r', { taker: 'third' });
    expect(await registerBatch(redis.client, 's', next, false, 'second')).toBe(false);
  });

  it('counts the bytes of an adopted batch as not downloaded', async () => {
    const manifest = await makeBatch(await newSpool(), ['a']);
    await registerBatch(redis.client, 's', manifest, true);
    expect(await redis.client.hget(accountKeys.run(alice), 'downloaded')).toBe('0');
    const { states } = await waitingBatches(redis.client, alice, 's', [], 9);
    expect(states).toEqual(new Map([[manifest.batch, { adopted: true, done: null }]]));
  });

  it('knows the messages that wait in any spool', async () => {
    const spool = await newSpool();
    await registerBatch(redis.client, 's1', await makeBatch(spool, ['a', 'b']));
    await registerBatch(redis.client, 's2', await makeBatch(spool, ['c']));
    expect((await spoolsWithBatches(redis.client, alice)).sort()).toEqual(['s1', 's2']);
    expect(await spooledKeys(redis.client, alice)).toEqual(keys('a', 'b', 'c'));
  });

  it('does not count settled messages of a batch among those that wait', async () => {
    const manifest = await makeBatch(await newSpool(), ['a', 'b', 'c']);
    await registerBatch(redis.client, 's', manifest);
    await redis.client.setbit(accountKeys.batchDone(alice, manifest.batch), 1, 1);
    expect(await spooledKeys(redis.client, alice)).toEqual(keys('a', 'c'));
  });

  it('forgets a batch, and its spool with the last one', async () => {
    const spool = await newSpool();
    const [one, two] = [await makeBatch(spool, ['a']), await makeBatch(spool, ['b'])];
    for (const manifest of [one, two]) await registerBatch(redis.client, 's', manifest);
    await forgetBatch(redis.client, alice, 's', one.batch);
    await forgetBatch(redis.client, alice, 's', one.batch);
    expect(await spoolsWithBatches(redis.client, alice)).toEqual(['s']);
    expect(await spooledKeys(redis.client, alice)).toEqual(keys('b'));
    await forgetBatch(redis.client, alice, 's', two.batch);
    expect(await spoolsWithBatches(redis.client, alice)).toEqual([]);
    expect(await redis.client.exists(accountKeys.batch(alice, two.batch))).toBe(0);
  });

  it('forgets a spool that is gone, and lets its session be queued anew', async () => {
    const spool = await newSpool();
    for (const uidl of ['a', 'b']) await registerBatch(redis.client, 's', await makeBatch(spool, [uidl]));
    await registerBatch(redis.client, 't', await makeBatch(spool, ['c']));
    await redis.client.hset(accountKeys.appendSessions(alice), 's', 'active', 't', 'active');
    expect(await forgetSpool(redis.client, alice, 's')).toBe(2);
    expect(await spooledKeys(redis.client, alice)).toEqual(keys('c'));
    expect(await redis.client.hgetall(accountKeys.appendSessions(alice))).toEqual({ t: 'active' });
  });

  it('reads the bits that SETBIT writes', async () => {
    for (const bit of [0, 7, 8, 21]) await redis.client.setbit('bits', bit, 1);
    const bits = await redis.client.getBuffer('bits');
    const read = Array.from({ length: 40 }, (_, i) => i).filter((i) => isDone(bits, i));
    expect(read).toEqual([0, 7, 8, 21]);
    expect(isDone(null, 0)).toBe(false);
  });
});

import { copyFileSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/ground/log.ts';
import { registeredBatches, spooledKeys, waitingBatches } from '../../src/ledger/batches.ts';
import { adoptBatches } from '../../src/spool/adopt.ts';
import type { Manifest } from '../../src/spool/batch-file.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import { Spool } from '../../src/spool/spool.ts';
import { batchFileName } from '../../src/spool/spool-directory.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { alice, bob, makeBatch, newSpool } from './spool-rig.ts';

const redis = useRedis();
const adopt = (spool: Spool) => adoptBatches(redis.client, spool, silentLog());
const waiting = (spool: Spool, account = alice) => registeredBatches(redis.client, account, spool.id);
const isAdopted = async (spool: Spool, batch: string) =>
  (await waitingBatches(redis.client, alice, spool.id, [], 9)).states.get(batch)?.adopted;

describe('batch files that Redis does not know', () => {
  it('are registered, account by account', async () => {
    const spool = await newSpool();
    const [mine, bobs] = [await makeBatch(spool, ['a', 'b']), await makeBatch(spool, ['c'], bob)];
    expect(await adopt(spool)).toEqual(new Set([alice, bob]));
    expect(await waiting(spool)).toEqual([mine.batch]);
    expect(await waiting(spool, bob)).toEqual([bobs.batch]);
    expect(await isAdopted(spool, mine.batch)).toBe(true);
    expect((await spooledKeys(redis.client, alice)).size).toBe(2);
  });

  it('keep the order in which they were written', async () => {
    const spool = await newSpool();
    const written: Manifest[] = [];
    for (let i = 0; i < 5; i += 1) {
      written.push(await makeBatch(spool, [`m${i}`]));
      // Names of one millisecond have no order.
      for (const start = Date.now(); Date.now() === start; );
    }
    await adopt(spool);
    expect(await waiting(spool)).toEqual(written.map(({ batch }) => batch));
  });

  it('are adopted once', async () => {
    const spool = await newSpool();
    const { batch } = await makeBatch(spool, ['a']);
    await adopt(spool);
    expect(await adopt(spool)).toEqual(new Set());
    expect(await waiting(spool)).toEqual([batch]);
  });

  it('are kept under another name when they are damaged, and the others are adopted', async () => {
    const spool = await newSpool();
    const [bad, good] = [await makeBatch(spool, ['a']), await makeBatch(spool, ['b'])];
    const name = batchFileName(alice, bad.batch);
    truncateSync(join(spool.directory, name), 50);
    await adopt(spool);
    expect(await waiting(spool)).toEqual([good.batch]);
    expect(readdirSync(spool.directory)).toContain(`${name}.damaged`);
    expect(readdirSync(spool.directory)).not.toContain(name);
    expect((await spool.found()).map(({ batch }) => batch)).toEqual([good.batch]);
  });
});

it('a batch that is registered already is left as it is', async () => {
  const spool = await newSpool();
  const manifest = await makeBatch(spool, ['a']);
  await registerBatch(redis.client, spool.id, manifest);
  expect(await adopt(spool)).toEqual(new Set());
  expect(await isAdopted(spool, manifest.batch)).toBe(false);
});

it('a spool that was moved to another disk keeps its id and its batches', async () => {
  const [old, moved] = [await newSpool(), await newSpool()];
  await makeBatch(old, ['a']);
  for (const name of readdirSync(old.directory)) copyFileSync(join(old.directory, name), join(moved.directory, name));
  const again = await Spool.open(moved.directory, 1e6);
  expect(again.id).toBe(old.id);
  expect(await adopt(again)).toEqual(new Set([alice]));
});

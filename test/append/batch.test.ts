import { readdirSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { Backlog } from '../../src/append/backlog.ts';
import { Batch } from '../../src/append/batch.ts';
import { itemOf, settlementOf } from '../../src/append/items.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { registeredBatches } from '../../src/ledger/batches.ts';
import { openIntents, recordIntent } from '../../src/ledger/intent.ts';
import type { Outcome } from '../../src/ledger/record.ts';
import { readRun, startRun } from '../../src/ledger/run.ts';
import type { Manifest } from '../../src/spool/batch-file.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import type { Spool } from '../../src/spool/spool.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { alice, makeBatch, newSpool } from '../spool/spool-rig.ts';

const redis = useRedis();
const placement = { target: { kind: 'main' }, internalDate: undefined, flags: [] } as const;
let spool: Spool;
let manifest: Manifest;

beforeEach(async () => {
  spool = await newSpool();
  manifest = await makeBatch(spool, ['a', 'b', 'c']);
  await registerBatch(redis.client, spool.id, manifest);
  await startRun(redis.client, alice, 'r1', 1000, false);
  await redis.client.set(accountKeys.fence(alice), 'mine');
});

function open(run = 1): Promise<Batch> {
  const backlog = new Backlog(redis.client, alice, spool.id);
  return Batch.open(manifest.batch, { redis: redis.client, spool, account: alice, token: 'mine', run, backlog });
}

function end(index: number, outcome: Outcome, run = 1) {
  const item = itemOf(alice, index, manifest.messages[index]!, placement, undefined);
  return settlementOf(item, outcome, run, { mailbox: 'INBOX', mailboxNumber: 1, uid: index + 1 });
}

const leftOf = async (batch: Batch) => (await batch.left()).map(({ index, doubt }) => [index, doubt?.uidNext]);

describe('a batch that is appended', () => {
  it('has all its messages left at first, in their order', async () => {
    const batch = await open();
    expect(await leftOf(batch)).toEqual([0, 1, 2].map((index) => [index, undefined]));
    await batch.close();
  });

  it('has left what no session has settled', async () => {
    const first = await open();
    await first.settle([end(1, 'appended')]);
    await first.close();
    const second = await open();
    expect(await leftOf(second)).toEqual([0, 2].map((index) => [index, undefined]));
    await second.close();
  });

  it('is gone from disk and registry with its last message, and not before', async () => {
    const batch = await open();
    await batch.settle([end(0, 'appended'), end(1, 'duplicate')]);
    expect(readdirSync(spool.directory)).toHaveLength(2);
    await batch.settle([end(2, 'refused')]);
    expect(readdirSync(spool.directory)).toEqual(['spool.id']);
    expect(await registeredBatches(redis.client, alice, spool.id)).toEqual([]);
  });

  it('has messages in doubt, each from the lowest UID that it may have, until they were looked for', async () => {
    const intent = { batch: manifest.batch, mailbox: 'INBOX', uidValidity: 1 };
    const record = (command: string, indexes: number[], uidNext: number, batch = intent.batch) =>
      recordIntent(redis.client, alice, 'mine', { ...intent, batch, command, indexes, uidNext });
    // Redis gives intents back in no order, so there are many.
    for (let i = 0; i < 30; i += 1) await record(`c${i}`, [i % 2], 10 + i);
    await record('other', [2], 5, 'another batch');
    const batch = await open();
    expect(await leftOf(batch)).toEqual([
      [0, 10],
      [1, 11],
      [2, undefined],
    ]);
    await batch.endDoubt();
    expect((await openIntents(redis.client, alice)).map(({ command }) => command)).toEqual(['other']);
    await batch.close();
  });

  it('was adopted: what the ledger knows of it is neither sent nor counted again', async () => {
    const first = await open();
    await first.settle([end(0, 'appended'), end(1, 'appended')]);
    await first.close();
    // Redis forgets the batch and not the ledger; the next start finds the file.
    await redis.client.del(
      accountKeys.batches(alice, spool.id),
      accountKeys.batch(alice, manifest.batch),
      accountKeys.batchDone(alice, manifest.batch),
    );
    await registerBatch(redis.client, spool.id, manifest, true);
    await startRun(redis.client, alice, 'r2', 2000, false);
    const second = await open(2);
    expect(await leftOf(second)).toEqual([[2, undefined]]);
    expect(await readRun(redis.client, alice)).toMatchObject({ appended: 0, duplicate: 0 });
    await second.settle([end(2, 'appended', 2)]);
    expect(readdirSync(spool.directory)).toEqual(['spool.id']);
  });
});

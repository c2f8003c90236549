import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loginKeys } from '../../src/ground/keys.ts';
import { contentMark, type IndexRecord, ownerOf } from '../../src/ledger/index-shard.ts';
import { MailboxIndex } from '../../src/ledger/mailbox-index.ts';
import { codeOf, useRedis } from './redis-rig.ts';

const redis = useRedis();
const login = 'd'.repeat(32);
const token = 'the token';
const mark = (name: string) => createHash('sha256').update(name).digest().subarray(0, 9);
const record = (name: string, uid: number, owner = 0): IndexRecord => ({
  fingerprint: mark(name),
  uid,
  owner,
  content: owner,
});

async function openIndex(path = 'INBOX', by = token): Promise<MailboxIndex> {
  await redis.client.set(loginKeys.lease(login), token);
  return MailboxIndex.open(redis.client, login, path, by);
}

/** Names of `count` messages, and their records from UID 1. */
function many(count: number): { names: string[]; records: IndexRecord[] } {
  const names = Array.from({ length: count }, (_, i) => `message ${i}`);
  return { names, records: names.map((name, i) => record(name, i + 1, 1 + (i % 1000))) };
}

async function fill(index: MailboxIndex, records: readonly IndexRecord[]): Promise<void> {
  for (let at = 0; at < records.length; at += 500) await index.put(records.slice(at, at + 500));
}

const shardKeys = () => redis.client.keys('mh:*:index:*:*:*');

describe('the index of a mailbox', () => {
  it('gives back what was put in, in another process too', async () => {
    const index = await openIndex();
    await index.prepare(7, 10);
    await index.put([record('a', 1), record('b', 2, 5)], () => 3);
    const other = await openIndex();
    expect(await other.find([mark('a'), mark('b'), mark('c')])).toEqual([[record('a', 1)], [record('b', 2, 5)], []]);
    expect(other).toMatchObject({ uidValidity: 7, uidNext: 3, records: 2 });
  });

  it('is empty and covers nothing when it is new', async () => {
    expect(await openIndex()).toMatchObject({ uidValidity: 0, uidNext: 1, records: 0 });
  });

  it('belongs to one mailbox', async () => {
    const [inbox, sent] = [await openIndex('INBOX'), await openIndex('Sent')];
    for (const index of [inbox, sent]) await index.prepare(7, 10);
    await inbox.put([record('a', 1)]);
    expect(await sent.find([mark('a')])).toEqual([[]]);
  });

  it('is emptied by another UIDVALIDITY', async () => {
    const index = await openIndex();
    await index.prepare(7, 10);
    await index.put([record('a', 1)], () => 2);
    await index.prepare(8, 10);
    expect(index).toMatchObject({ uidValidity: 8, uidNext: 1, records: 0 });
    expect(await index.find([mark('a')])).toEqual([[]]);
    expect(await shardKeys()).toEqual([]);
  });

  it('keeps everything when it is prepared again', async () => {
    const index = await openIndex();
    await index.prepare(7, 10);
    await index.put([record('a', 1)], () => 2);
    await index.prepare(7, 11);
    expect(index).toMatchObject({ uidNext: 2, records: 1 });
    expect(await index.find([mark('a')])).toEqual([[record('a', 1)]]);
  });

  it('is spread wider when more comes than was planned, and loses nothing', async () => {
    const { names, records } = many(2000);
    const index = await openIndex();
    await index.prepare(7, 10);
    await fill(index, records);
    expect(await shardKeys()).toHaveLength(1);
    await index.prepare(7, 2000);
    expect(await shardKeys()).toHaveLength(6);
    expect(index.records).toBe(2000);
    expect(await index.find(names.map(mark))).toEqual(records.map((one) => [one]));
    const other = await openIndex();
    expect(await other.find(names.slice(0, 100).map(mark))).toEqual(records.slice(0, 100).map((one) => [one]));
  });

  it('counts records, not puts', async () => {
    const index = await openIndex();
    await index.prepare(7, 10);
    await index.put([record('a', 0, 5)]);
    await index.put([record('a', 4, 5)]);
    await index.put([record('b', 0, 5), record('c', 0, 5)]);
    await index.drop([record('b', 0, 5)]);
    expect(index.records).toBe(2);
    expect((await openIndex()).records).toBe(2);
  });

  it('keeps its order when many put at once', async () => {
    const { names, records } = many(300);
    const index = await openIndex();
    await index.prepare(7, 300);
    await Promise.all(records.map((one) => index.put([one])));
    expect(index.records).toBe(300);
    expect(await (await openIndex()).find(names.map(mark))).toEqual(records.map((one) => [one]));
  });

  it('is written by the holder of the lease only', async () => {
    const index = await openIndex('INBOX', 'another token');
    expect(await codeOf(index.prepare(7, 10))).toBe('lease-lost');
    const mine = await openIndex();
    await mine.prepare(7, 10);
    await redis.client.del(loginKeys.lease(login));
    expect(await codeOf(mine.put([record('a', 1)]))).toBe('lease-lost');
    await redis.client.set(loginKeys.lease(login), token);
    expect((await openIndex()).records).toBe(0);
  });

  it('goes on with the next change after one that failed', async () => {
    const index = await openIndex();
    await index.prepare(7, 10);
    await redis.client.del(loginKeys.lease(login));
    await codeOf(index.put([record('a', 1)]));
    await redis.client.set(loginKeys.lease(login), token);
    await index.put([record('b', 2)]);
    expect(await index.find([mark('b')])).toEqual([[record('b', 2)]]);
  });

  it('is in Redis what it is in memory after every step', async () => {
    const steps = fc.array(
      fc.record({ drop: fc.boolean(), records: fc.array(fc.tuple(fc.nat(5), fc.nat(2), fc.nat(2)), { maxLength: 8 }) }),
      { minLength: 1, maxLength: 8 },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        run += 1;
        const index = await openIndex(`box ${run}`);
        await index.prepare(7, 200);
        const names = Array.from({ length: 6 }, (_, i) => mark(`m${i}`));
        for (const { drop, records } of given) {
          const list = records.map(([name, uid, owner]) => record(`m${name}`, owner === 0 ? uid + 1 : uid, owner));
          await (drop ? index.drop(list) : index.put(list));
          const other = await openIndex(`box ${run}`);
          expect(await other.find(names)).toEqual(await index.find(names));
          expect(other.records).toBe(index.records);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('sends only what is new of a shard', async () => {
    const { records } = many(2000);
    const index = await openIndex();
    await index.prepare(7, 2000);
    await fill(index, records);
    const sent = async () =>
      Number(/total_net_input_bytes:(\d+)/.exec(await redis.client.info('stats'))?.[1] ?? Number.NaN);
    const before = await sent();
    await index.put([record('one more', 0, 5)]);
    await index.put([record('one more', 2001, 5)]);
    expect((await sent()) - before).toBeLessThan(1000);
    expect(await (await openIndex()).find([mark('one more')])).toEqual([[record('one more', 2001, 5)]]);
  });

  it.each([
    ['gone', (key: string) => redis.client.del(key)],
    ['longer', (key: string) => redis.client.append(key, Buffer.alloc(20))],
  ])('writes shards whole that are %s behind its back', async (_, meddle) => {
    const index = await openIndex();
    await index.prepare(7, 10);
    await index.put([record('a', 1), record('b', 0, 5)]);
    for (const after of [record('b', 2, 5), record('c', 3)]) {
      for (const key of await shardKeys()) await meddle(key);
      await index.put([after]);
      const other = await openIndex();
      expect((await other.find([mark('a')]))[0]).toEqual([record('a', 1)]);
    }
    expect(await (await openIndex()).find([mark('b'), mark('c')])).toEqual([[record('b', 2, 5)], [record('c', 3)]]);
  });

  it('has small shards where they cannot all stay in memory, and finds in them what large ones had', async () => {
    const { names, records } = many(1000);
    const index = await openIndex();
    await index.prepare(7, 40_000);
    await index.put(records);
    await index.prepare(7, 60_000);
    const keys = (await shardKeys()).length;
    expect(keys).toBeGreaterThan(500);
    const other = await openIndex();
    expect(await other.find(names.map(mark))).toEqual(records.map((one) => [one]));
    expect(other.records).toBe(1000);
    await index.prepare(7, 40_000);
    expect(await shardKeys()).toHaveLength(keys);
  });

  it.each([20_000, 60_000])('takes at most 24 bytes of Redis a record when it was planned for %i', async (count) => {
    const { records } = many(count);
    const index = await openIndex();
    await index.prepare(7, records.length);
    // As sessions do it: claimed first.
    await fill(
      index,
      records.map((one) => ({ ...one, uid: 0 })),
    );
    await fill(index, records);
    const keys = await redis.client.keys('mh:*:index:*');
    let bytes = 0;
    for (const key of keys) bytes += Number(await redis.client.memory('USAGE', key, 'SAMPLES', '0'));
    console.log(`index: ${(bytes / records.length).toFixed(2)} bytes a record in ${keys.length} keys`);
    expect(bytes / records.length).toBeLessThanOrEqual(24);
  });
});

describe('marks', () => {
  it('of owners and contents are never 0, which stands for none', () => {
    expect(contentMark('0'.repeat(64))).toBe(1);
    expect(contentMark(`00000002${'f'.repeat(56)}`)).toBe(2);
    const owners = new Set(Array.from({ length: 500 }, (_, i) => ownerOf('account', String(i))));
    expect(owners.size).toBeGreaterThan(495);
    expect(Math.min(...owners)).toBeGreaterThan(0);
    expect(Math.max(...owners)).toBeLessThan(2 ** 24);
    expect(ownerOf('a', 'bc')).not.toBe(ownerOf('ab', 'c'));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dropUnderWay,
  findRecords,
  type IndexRecord,
  indexRecordBytes,
  packIndexRecord,
  putRecords,
  type ShardChange,
  shardRecords,
} from '../../src/ledger/index-shard.ts';

const mark = (n: number) => Buffer.alloc(9, n);
const record = (fingerprint: number, uid: number, owner: number, content = owner): IndexRecord => ({
  fingerprint: mark(fingerprint),
  uid,
  owner,
  content,
});
const none = Buffer.alloc(0);
const shardOf = (...records: IndexRecord[]) => putRecords(none, records).bytes;
const all = (shard: Buffer) => [...shardRecords(shard)];

describe('a shard', () => {
  it('packs a record into twenty bytes and gives it back', () => {
    const anyRecord = fc.record({
      fingerprint: fc.uint8Array({ minLength: 9, maxLength: 9 }).map((array) => Buffer.from(array)),
      uid: fc.nat(0xffffffff),
      content: fc.nat(0xffffffff),
      owner: fc.nat(0xffffff),
    });
    fc.assert(
      fc.property(anyRecord, (one) => {
        expect(packIndexRecord(one)).toHaveLength(indexRecordBytes);
        expect(all(packIndexRecord(one))).toEqual([one]);
      }),
    );
  });

  it('finds the records of a fingerprint and no others', () => {
    const shard = shardOf(record(1, 10, 0), record(2, 11, 0), record(1, 12, 5));
    expect(findRecords(shard, mark(1))).toEqual([record(1, 10, 0), record(1, 12, 5)]);
    expect(findRecords(shard, mark(3))).toEqual([]);
  });

  it('does not find a fingerprint across the border of two records', () => {
    const shard = shardOf(record(1, 0x02020202, 0x020202), record(2, 1, 1));
    expect(findRecords(shard, mark(2))).toEqual([record(2, 1, 1)]);
  });

  it('is not searched for what is no fingerprint', () => {
    const shard = shardOf(record(1, 10, 0));
    for (const wrong of [0, 8, 10]) expect(() => findRecords(shard, Buffer.alloc(wrong, 1))).toThrow(RangeError);
  });

  it('is not changed in place: whoever has the old one sees the old one', () => {
    const before = shardOf(record(1, 0, 5));
    const copy = Buffer.from(before);
    putRecords(before, [record(1, 7, 5)]);
    dropUnderWay(before, [record(1, 0, 5)]);
    expect(before).toEqual(copy);
  });
});

describe('putting a record in', () => {
  it('gives what is under way its UID', () => {
    expect(all(shardOf(record(1, 0, 5), record(1, 7, 5)))).toEqual([record(1, 7, 5)]);
  });

  it('keeps what two owners have under way apart', () => {
    const shard = shardOf(record(1, 0, 5), record(1, 0, 6), record(1, 7, 6));
    expect(all(shard)).toEqual([record(1, 0, 5), record(1, 7, 6)]);
  });

  it('claims once, however often it is told', () => {
    expect(all(shardOf(record(1, 0, 5), record(1, 0, 5)))).toEqual([record(1, 0, 5)]);
  });

  it('takes what was found at the destination for nobody’s, though it looks like the only one under way', () => {
    const shard = shardOf(record(1, 0, 5), record(1, 7, 0));
    expect(all(shard)).toEqual([record(1, 0, 5), record(1, 7, 0)]);
  });

  it('takes it for nobody’s where two are under way', () => {
    const shard = shardOf(record(1, 0, 5), record(1, 0, 6), record(1, 7, 0));
    expect(all(shard)).toEqual([record(1, 0, 5), record(1, 0, 6), record(1, 7, 0)]);
  });

  it('never takes an owner away from a UID', () => {
    expect(all(shardOf(record(1, 7, 5), record(1, 7, 0)))).toEqual([record(1, 7, 5)]);
  });

  it('makes a message that was found its owner’s, who has nothing under way any more', () => {
    expect(all(shardOf(record(1, 7, 0), record(1, 0, 5), record(1, 7, 5)))).toEqual([record(1, 7, 5)]);
  });
});

describe('taking back what is under way', () => {
  it('leaves what has arrived and what others have under way', () => {
    const shard = shardOf(record(1, 7, 5), record(1, 0, 5), record(1, 0, 6), record(2, 0, 5));
    expect(all(dropUnderWay(shard, [record(1, 0, 5)]).bytes)).toEqual([
      record(1, 7, 5),
      record(1, 0, 6),
      record(2, 0, 5),
    ]);
  });

  it('does nothing where nothing is', () => {
    const shard = shardOf(record(1, 7, 5));
    expect(dropUnderWay(shard, [record(1, 0, 5)]).bytes).toEqual(shard);
  });
});

/** The rules of putting and dropping over plain lists. */
function model(list: IndexRecord[], step: { drop: boolean; record: IndexRecord }): IndexRecord[] {
  const put = step.record;
  const alike = (one: IndexRecord) => one.fingerprint.equals(put.fingerprint);
  const underWay = list.filter((one) => alike(one) && one.uid === 0);
  const mine = underWay.find((one) => one.owner === put.owner);
  const without = (gone: IndexRecord | undefined) => list.filter((one) => one !== gone);
  const exchange = (old: IndexRecord, by: IndexRecord) => list.map((one) => (one === old ? by : one));
  if (step.drop) return without(mine);
  const known = put.uid === 0 ? undefined : list.find((one) => alike(one) && one.uid === put.uid);
  if (known && put.owner === 0) return list;
  if (known) return without(mine).map((one) => (one === known ? put : one));
  if (mine) return exchange(mine, put);
  return [...list, put];
}

/** A put or a drop of some of a few records. */
interface Step {
  readonly drop: boolean;
  readonly records: readonly IndexRecord[];
}
const anyRecord = fc
  .tuple(fc.nat(1), fc.nat(3), fc.nat(3))
  // Mail of nobody always stands somewhere.
  .map(([fingerprint, uid, owner]) => record(fingerprint, owner === 0 ? uid + 1 : uid, owner));
const anyStep: fc.Arbitrary<Step> = fc.record({ drop: fc.boolean(), records: fc.array(anyRecord, { maxLength: 6 }) });
const changed = (shard: Buffer, { drop, records }: Step): ShardChange =>
  drop ? dropUnderWay(shard, records) : putRecords(shard, records);

it('a shard does what lists do, step by step', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 10 }), (steps) => {
      let shard: Buffer = none;
      let list: IndexRecord[] = [];
      for (const step of steps) {
        shard = changed(shard, step).bytes;
        list = step.records.reduce((so, one) => model(so, { drop: step.drop, record: one }), list);
        expect(all(shard)).toEqual(list);
      }
    }),
    { numRuns: 500 },
  );
});

it('a change tells where its new bytes are', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 8 }), anyStep, (first, then) => {
      const before = first.reduce<Buffer>((shard, step) => changed(shard, step).bytes, none);
      const { bytes, from, to } = changed(before, then);
      const end = bytes.length === before.length ? to : bytes.length;
      // The old one with the new bytes in their place, and cut where it is longer.
      const patched = Buffer.concat([
        before.subarray(0, from),
        bytes.subarray(from, end),
        before.subarray(Math.max(from, end)),
      ]);
      expect(patched.subarray(0, bytes.length)).toEqual(bytes);
      // Nothing is told to be new where nothing is.
      if (bytes.equals(before) && then.records.length === 0)
        expect(from >= to && bytes.length === before.length).toBe(true);
    }),
    { numRuns: 500 },
  );
});

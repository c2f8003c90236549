import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../src/ledger/key-table.ts';
import {
  contentKey,
  keyBytes,
  type LedgerRecord,
  packRecord,
  recordBytes,
  uidlKey,
  unpackRecord,
} from '../../src/ledger/record.ts';
import { endedBefore, endedNow, refusedBefore, vanishedBefore } from '../../src/ledger/standings.ts';
import { LedgerTable } from '../../src/ledger/table.ts';

const fixed = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
const record: fc.Arbitrary<LedgerRecord> = fc.record({
  key: fixed(keyBytes),
  outcome: fc.constantFrom('appended', 'duplicate', 'refused', 'vanished', 'accepted'),
  mailbox: fc.nat(0xffff),
  uid: fc.nat(0xffffffff),
  size: fc.nat(0xffffffff),
  content: fixed(8),
  run: fc.nat(0xffffff),
});
/** Keys of which some are equal, and many begin alike. */
const key = fc.tuple(fc.nat(3), fc.nat(5)).map(([first, last]) => {
  const bytes = Buffer.alloc(keyBytes);
  bytes[0] = first;
  bytes[keyBytes - 1] = last;
  return bytes;
});

describe('a record', () => {
  it('is unpacked as it was packed, wherever it stands', () => {
    fc.assert(
      fc.property(record, fc.nat(50), (entry, offset) => {
        const packed = packRecord(entry);
        expect(packed).toHaveLength(recordBytes);
        expect(unpackRecord(Buffer.concat([Buffer.alloc(offset), packed]), offset)).toEqual(entry);
      }),
    );
  });

  it('takes sizes and runs that outgrow their places', () => {
    const big = { ...fc.sample(record, 1)[0]!, size: 2 ** 40, run: 2 ** 24 + 5 };
    expect(unpackRecord(packRecord(big), 0)).toMatchObject({ size: 0xffffffff, run: 5 });
  });
});

describe('message keys', () => {
  it('differ by unique id, and are not confused with those of contents', () => {
    const all = [
      uidlKey(Buffer.from('a')),
      uidlKey(Buffer.from('b')),
      uidlKey(Buffer.from([0xff])),
      uidlKey(Buffer.from('ÿ')),
      contentKey('a', 0),
      contentKey('a', 1),
    ];
    expect(new Set(all.map((bytes) => bytes.toString('hex'))).size).toBe(all.length);
    for (const bytes of all) expect(bytes).toHaveLength(keyBytes);
  });
});

describe('the table of keys', () => {
  it('finds what a Map finds: the last of several with one key', () => {
    fc.assert(
      fc.property(
        fc.array(key, { maxLength: 60 }),
        key,
        fc.constantFrom(keyBytes, recordBytes),
        (keys, other, stride) => {
          const records = Buffer.alloc(keys.length * stride);
          for (const [i, bytes] of keys.entries()) bytes.copy(records, i * stride);
          const model = new Map(keys.map((bytes, i) => [bytes.toString('hex'), i]));
          const table = new KeyTable(records, stride);
          expect(table.size).toBe(model.size);
          for (const bytes of [...keys, other]) expect(table.find(bytes)).toBe(model.get(bytes.toString('hex')) ?? -1);
          expect([...table.numbers()].sort((a, b) => a - b)).toEqual([...model.values()].sort((a, b) => a - b));
        },
      ),
    );
  });

  it('finds every one of many keys', () => {
    const count = 5000;
    const records = Buffer.concat(Array.from({ length: count }, (_, i) => uidlKey(Buffer.from(`${i}`))));
    const table = new KeyTable(records, keyBytes);
    expect(table.size).toBe(count);
    for (let i = 0; i < count; i += 1) expect(table.find(uidlKey(Buffer.from(`${i}`)))).toBe(i);
    expect(table.find(uidlKey(Buffer.from('other')))).toBe(-1);
  });
});

describe('the table of a ledger', () => {
  it('knows what a Map knows, each message once', () => {
    const entry = fc.record({ entry: record, key }).map((both) => ({ ...both.entry, key: both.key }));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), key, (entries, other) => {
        const model = new Map(entries.map((one) => [one.key.toString('hex'), one]));
        const table = new LedgerTable(Buffer.concat(entries.map(packRecord)));
        expect(table.size).toBe(model.size);
        expect(table.get(other)).toEqual(model.get(other.toString('hex')));
        for (const one of model.values()) expect(table.get(one.key)).toEqual(one);
        const listed = [...table].map((one) => one.key.toString('hex')).sort();
        expect(listed).toEqual([...model.keys()].sort());
        for (const { run } of entries) {
          const ofRun = [...model.values()].filter((one) => one.run === run);
          expect([...table.ofRun(run)].map(({ key }) => key.toString('hex')).sort()).toEqual(
            ofRun.map(({ key }) => key.toString('hex')).sort(),
          );
        }
        const left = { refused: refusedBefore, vanished: vanishedBefore };
        for (const one of entries) {
          const { outcome, run } = model.get(one.key.toString('hex'))!;
          // Once where it is looked up, and twice behind the one before.
          const [number = -1, ...more] = table.recordsOf(Buffer.concat([one.key, one.key, other, one.key]), 4);
          expect(table.standings(run).of[number]).toBe(endedNow);
          const before = { appended: endedBefore, duplicate: endedBefore, accepted: endedBefore, ...left };
          expect(table.standings(run + 1).of[number]).toBe(before[outcome]);
          expect(table.standings(run).endedNow).toBe(entries.filter((entry) => entry.run === run).length);
          expect([more[0], more[2]]).toEqual([number, number]);
          expect(more[1] === -1).toBe(!model.has(other.toString('hex')));
        }
        const keys = Buffer.concat(entries.map(({ key }) => key));
        const last = entries.map(({ key }) => entries.findLastIndex((entry) => entry.key.equals(key)));
        expect([...table.recordsOf(keys, entries.length)]).toEqual(last);
      }),
    );
  });

  it('knows a long listing from which messages went and to which others came, wherever that is', () => {
    const numbered = (number: number) => uidlKey(Buffer.from(`message ${number}`));
    const long = 1000;
    const [entry] = fc.sample(record, 1);
    const records = Array.from({ length: long }, (_, number) => packRecord({ ...entry!, key: numbered(number) }));
    const table = new LedgerTable(Buffer.concat(records));
    table.prepare(1);
    fc.assert(
      fc.property(
        fc.array(fc.nat(long + 20), { maxLength: 6 }),
        fc.array(fc.nat(long), { maxLength: 6 }),
        (gone, came) => {
          const listed = Array.from({ length: long }, (_, number) => number).filter((number) => !gone.includes(number));
          for (const at of came) listed.splice(at, 0, long + at);
          const keys = Buffer.concat(listed.map(numbered));
          const expected = listed.map((number) => (number < long ? number : -1));
          expect([...table.recordsOf(keys, listed.length)]).toEqual(expected);
        },
      ),
    );
  });
});

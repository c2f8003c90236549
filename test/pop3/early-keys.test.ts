import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pick } from '../../src/download/pick.ts';
import { keyBytes, uidlKey, writeUidlKey } from '../../src/ledger/record.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import { EarlyKeys } from '../../src/pop3/early-keys.ts';
import { parseListing } from '../../src/pop3/listing.ts';
import { connect, serve } from './sessions.ts';

const uidlKeys = { bytes: keyBytes, write: writeUidlKey };
const context = { endpoint: { host: 'pop.example' }, options: { popListingMaxMessages: 1000, popUidlMaxBytes: 9000 } };

/** What was made of an answer that came in pieces, each so many bytes long, in turn. */
function earlyOf(uidl: Buffer, pieces: readonly number[]): EarlyKeys {
  const keys = new EarlyKeys(uidlKeys);
  for (let at = 0, turn = 0; at < uidl.length; turn += 1) {
    const size = pieces[turn % pieces.length]!;
    keys.take(uidl.subarray(at, at + size));
    at += size;
  }
  return keys;
}

describe('the keys of a listing', () => {
  it('are those of its unique ids, wherever the answer was cut and whatever it lacks', () => {
    const line = fc.record({ number: fc.integer({ min: 1, max: 40 }), uidl: fc.string({ maxLength: 12 }) });
    const answer = fc.uniqueArray(line, { selector: ({ number }) => number, maxLength: 200 });
    const pieces = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 4 });
    const sorted = (lines: { number: number; uidl: string }[]) => [...lines].sort((a, b) => a.number - b.number);
    fc.assert(
      fc.property(answer, pieces, fc.uniqueArray(fc.integer({ min: 1, max: 40 })), (lines, sizes, missing) => {
        const rows = sorted(lines).map(({ number, uidl }) => `${number} ${uidl.replace(/[\r\n]/g, '')}\r\n`);
        const uidl = Buffer.from(rows.join(''));
        const list = Array.from({ length: 40 }, (_, at) => at + 1).filter((number) => !missing.includes(number));
        const sizesOf = Buffer.from(list.map((number) => `${number} 1\r\n`).join(''));
        const listing = parseListing(sizesOf, uidl, context, earlyOf(uidl, sizes));
        const listed = new Set(lines.map(({ number }) => number));
        for (let at = 0; at < listing.length; at += 1) {
          const key = Buffer.alloc(keyBytes + 2, 7);
          expect(listing.copyKey(at, key, 1)).toBe(listed.has(listing.number(at)));
          if (listed.has(listing.number(at))) expect(key.subarray(1, -1)).toEqual(uidlKey(listing.uidl(at)));
          expect([key[0], key.at(-1)]).toEqual([7, 7]);
        }
        const plain = parseListing(sizesOf, uidl, context);
        const none = new LedgerTable(Buffer.alloc(0));
        expect(pick(listing, none, new Set(), 1).keys).toEqual(pick(plain, none, new Set(), 1).keys);
      }),
      { numRuns: 100 },
    );
  });

  it('end where a line is longer than any, and at what is no list', () => {
    const long = Buffer.from(`1 a\r\n2 ${'x'.repeat(8000)}\r\n3 c\r\n`);
    const listing = parseListing(Buffer.from('1 1\r\n2 1\r\n3 1\r\n'), long, context, earlyOf(long, [100]));
    const copied = [0, 1, 2].map((at) => listing.copyKey(at, Buffer.alloc(keyBytes), 0));
    expect(copied).toEqual([true, false, false]);
    const broken = earlyOf(Buffer.from('1 a\r\nwhat?\r\n2 b\r\n'), [1]);
    expect([0, 1, 2].map((line) => broken.copy(line, Buffer.alloc(keyBytes), 0))).toEqual([true, false, false]);
  });

  it('come with the listing of a server', async () => {
    const messages = [{ bytes: Buffer.from('a\r\n'), uidl: 'one' }];
    const client = await connect(await serve({ messages, pieces: { size: 1 } }), { uidlKeys });
    const key = Buffer.alloc(keyBytes);
    expect((await client.list()).copyKey(0, key, 0)).toBe(true);
    expect(key).toEqual(uidlKey(Buffer.from('one')));
    client.destroy();
  });
});

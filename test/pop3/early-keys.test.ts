import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pick } from '../../src/download/pick.ts';
import { keyBytes, uidlKey, writeUidlKey } from '../../src/ledger/record.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import { parseListing } from '../../src/pop3/listing.ts';
import { IdLines } from '../../src/pop3/listing-lines.ts';
import { caught, connect, serve } from './sessions.ts';

const uidlKeys = { bytes: keyBytes, write: writeUidlKey };
const context = { endpoint: { host: 'pop.example' }, options: { popListingMaxMessages: 1000, popUidlMaxBytes: 9000 } };

/** What was read of an answer that came in pieces, each so many bytes long, in turn. */
function idsOf(uidl: Buffer, pieces: readonly number[]): IdLines {
  const read = new IdLines(context, uidlKeys);
  for (let at = 0, turn = 0; at < uidl.length; turn += 1) {
    const size = pieces[turn % pieces.length]!;
    read.lines.take(uidl.subarray(at, at + size));
    at += size;
  }
  read.lines.finish();
  return read;
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
        const [whole, read] = [idsOf(uidl, [uidl.length]), idsOf(uidl, sizes)];
        for (const name of ['numbers', 'from', 'to'] as const) expect(read.lines[name]).toEqual(whole.lines[name]);
        expect(read.keys).toEqual(whole.keys);
        const listing = parseListing(sizesOf, uidl, context, uidlKeys);
        const ids = Array.from({ length: listing.length }, (_, at) => uidlKey(listing.uidl(at)));
        expect(listing.keys).toEqual(Buffer.concat(ids));
        const plain = parseListing(sizesOf, uidl, context);
        const none = new LedgerTable(Buffer.alloc(0));
        expect(pick(listing, none, new Set(), 1).keys).toEqual(pick(plain, none, new Set(), 1).keys);
      }),
      { numRuns: 100 },
    );
  });

  it('are those of long unique ids, too, and no line is endless', async () => {
    const long = Buffer.from(`1 a\r\n2 ${'x'.repeat(8000)}\r\n3 c\r\n`);
    const expected = ['a', 'x'.repeat(8000), 'c'].map((uidl) => uidlKey(Buffer.from(uidl)));
    expect(idsOf(long, [100]).keys).toEqual(Buffer.concat(expected));
    const endless = Buffer.from(`1 a\r\n2${' '.repeat(14_000)}b\r\n`);
    expect((await caught(async () => idsOf(endless, [100]))).code).toBe('listing-too-large');
  });

  it('come with the listing of a server', async () => {
    const messages = [{ bytes: Buffer.from('a\r\n'), uidl: 'one' }];
    const client = await connect(await serve({ messages, pieces: { size: 1 } }), { uidlKeys });
    expect((await client.list()).keys).toEqual(uidlKey(Buffer.from('one')));
    client.destroy();
  });
});

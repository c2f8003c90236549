import { describe, expect, it } from 'vitest';
import { incomingOf } from '../../src/check/incoming.ts';
import { type Outcome, packRecord, uidlKey } from '../../src/ledger/record.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import { parseListing } from '../../src/pop3/listing.ts';

const context = { endpoint: { host: 'h' }, options: { popListingMaxMessages: 1000, popUidlMaxBytes: 100 } };

function listing(messages: readonly (readonly [octets: number, uidl?: string])[], hasUidl = true) {
  const list = messages.map(([octets], n) => `${n + 1} ${octets}\r\n`).join('');
  const uidl = messages.flatMap(([, id], n) => (id === undefined ? [] : [`${n + 1} ${id}\r\n`])).join('');
  return parseListing(Buffer.from(list), hasUidl ? Buffer.from(uidl) : undefined, context);
}

function ledger(records: Readonly<Record<string, Outcome>>): LedgerTable {
  const packed = Object.entries(records).map(([uidl, outcome]) =>
    packRecord({
      key: uidlKey(Buffer.from(uidl)),
      outcome,
      mailbox: 1,
      uid: 1,
      size: 1,
      content: Buffer.alloc(8),
      run: 1,
    }),
  );
  return new LedgerTable(Buffer.concat(packed));
}

describe('what is to come', () => {
  it('is what the ledger does not know', () => {
    const found = incomingOf(
      listing([
        [10, 'a'],
        [20, 'b'],
        [40, 'c'],
        [80, 'd'],
        [160, 'e'],
        [320, 'f'],
      ]),
      ledger({ a: 'appended', b: 'duplicate', c: 'refused', d: 'accepted', e: 'vanished' }),
    );
    expect(found).toMatchObject({ listed: 6, bytesListed: 630, known: 3, refusedBefore: 1, messages: 2, bytes: 480 });
    expect(found).toMatchObject({ largest: 320, anonymous: 0, renewed: false });
    expect(found.known + found.refusedBefore + found.messages).toBe(found.listed);
    expect([found.largerThan(10), found.largerThan(160), found.largerThan(320)]).toEqual([2, 1, 0]);
    expect([undefined, 320, 319, 159].map((limit) => found.bytesWithin(limit))).toEqual([480, 480, 160, 0]);
  });

  it('includes every message without a unique id of its own', () => {
    const shared = incomingOf(
      listing([[1, 'a'], [1, 'b'], [1, 'a'], [1], [1, 'c']]),
      ledger({ a: 'appended', b: 'appended' }),
    );
    expect(shared).toMatchObject({ anonymous: 3, known: 1, messages: 4 });
    expect(incomingOf(listing([[1], [1]], false), ledger({}))).toMatchObject({ anonymous: 2, messages: 2 });
  });

  it('does not count sizes that the server does not tell', () => {
    expect(incomingOf(listing([[-1, 'a']]), ledger({}))).toMatchObject({ messages: 1, bytes: 0, largest: 0 });
  });

  it('notices that the source has renamed its mail', () => {
    const carried = { a: 'appended', b: 'appended', c: 'appended', d: 'duplicate' } as const;
    const renamed = listing(['w', 'x', 'y', 'z'].map((uidl) => [1, uidl] as const));
    expect(incomingOf(renamed, ledger(carried)).renewed).toBe(true);
    // Deleted there, and nothing in their place.
    expect(incomingOf(listing([[1, 'z']]), ledger(carried)).renewed).toBe(false);
  });
});

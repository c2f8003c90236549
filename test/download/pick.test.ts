import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Pick, pick } from '../../src/download/pick.ts';
import { type LedgerRecord, type Outcome, packRecord, uidlKey } from '../../src/ledger/record.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import { type MaildropListing, parseListing } from '../../src/pop3/listing.ts';

const run = 5;
const context = {
  endpoint: { host: 'mail.example.com' },
  options: { popListingMaxMessages: 10_000, popUidlMaxBytes: 100 },
};

/** What the server lists: its unique ids from message 1, undefined for one without; 10 octets the first, 20 the next … */
function listing(uidls: readonly (string | undefined)[], hasUidl = true): MaildropListing {
  const list = uidls.map((_, i) => `${i + 1} ${10 * (i + 1)}\r\n`).join('');
  const ids = uidls.map((uidl, i) => (uidl === undefined ? '' : `${i + 1} ${uidl}\r\n`)).join('');
  return parseListing(Buffer.from(list), hasUidl ? Buffer.from(ids) : undefined, context);
}

function ledgerOf(ends: Record<string, [Outcome, number]>): LedgerTable {
  const records = Object.entries(ends).map(
    ([uidl, [outcome, when]]): LedgerRecord => ({
      key: uidlKey(Buffer.from(uidl)),
      outcome,
      run: when,
      mailbox: 0,
      uid: 0,
      size: 0,
      content: Buffer.alloc(8),
    }),
  );
  return new LedgerTable(Buffer.concat(records.map(packRecord)));
}

const spooledOf = (...uidls: string[]) => new Set(uidls.map((uidl) => uidlKey(Buffer.from(uidl)).toString('hex')));
const none = ledgerOf({});
const wantedOf = (picked: Pick) => [...picked.wanted];

describe('what is to be fetched', () => {
  it('is everything at first, oldest first', () => {
    const picked = pick(listing(['a', 'b', 'c']), none, new Set(), run);
    expect(wantedOf(picked)).toEqual([0, 1, 2]);
    expect(picked).toMatchObject({ listed: 3, bytesListed: 60, known: 0, refusedBefore: 0 });
  });

  it('is newest first where the schedule says so, whatever is left out', () => {
    const ledger = ledgerOf({ b: ['appended', run - 1] });
    expect(wantedOf(pick(listing(['a', 'b', 'c']), ledger, new Set(), run, 'newest'))).toEqual([2, 0]);
  });

  it.each<[Outcome, { known: number; refusedBefore: number; wanted: number[] }]>([
    ['appended', { known: 1, refusedBefore: 0, wanted: [1] }],
    ['duplicate', { known: 1, refusedBefore: 0, wanted: [1] }],
    ['accepted', { known: 1, refusedBefore: 0, wanted: [1] }],
    ['refused', { known: 0, refusedBefore: 1, wanted: [1] }],
    ['vanished', { known: 0, refusedBefore: 0, wanted: [0, 1] }],
  ])('leaves out what was %s in an earlier run', (outcome, { wanted, ...counts }) => {
    const picked = pick(listing(['a', 'b']), ledgerOf({ a: [outcome, run - 1] }), new Set(), run);
    expect(wantedOf(picked)).toEqual(wanted);
    expect(picked).toMatchObject(counts);
  });

  it('leaves out what this run settled, without counting it as known', () => {
    const picked = pick(listing(['a', 'b']), ledgerOf({ a: ['appended', run] }), new Set(), run);
    expect(wantedOf(picked)).toEqual([1]);
    expect(picked).toMatchObject({ listed: 2, known: 0 });
  });

  it('leaves out what waits in a spool', () => {
    expect(wantedOf(pick(listing(['a', 'b']), none, spooledOf('a'), run))).toEqual([1]);
  });

  it('is everything where the server has no unique ids, whatever the ledger knows', () => {
    const picked = pick(listing(['a', 'b'], false), ledgerOf({ a: ['appended', 1] }), new Set(), run);
    expect(wantedOf(picked)).toEqual([0, 1]);
    expect([0, 1].map(picked.hasOwnUidl)).toEqual([false, false]);
  });

  it('is every message that shares its unique id or has none', () => {
    const list = listing(['a', 'x', 'b', 'x', undefined]);
    const picked = pick(list, ledgerOf({ a: ['appended', 1], x: ['appended', 1], b: ['appended', 1] }), new Set(), run);
    expect(wantedOf(picked)).toEqual([1, 3, 4]);
    expect([0, 1, 2, 3, 4].map(picked.hasOwnUidl)).toEqual([true, false, true, false, false]);
    expect(picked.known).toBe(2);
    expect(wantedOf(pick(listing(['x', 'x']), ledgerOf({ x: ['appended', 1] }), new Set(), run))).toEqual([0, 1]);
  });

  it('counts what was listed and left the spool for the ledger between the two looks once', () => {
    const ledger = ledgerOf({ gone: ['appended', run] });
    expect(pick(listing(['a']), ledger, spooledOf('gone', 'waits'), run)).toMatchObject({ listed: 3 });
  });

  it('does not count what an earlier run settled and a file holds that was adopted since', () => {
    const ledger = ledgerOf({ settled: ['appended', run - 1], back: ['vanished', run - 1] });
    expect(pick(listing([]), ledger, spooledOf('settled', 'back', 'waits'), run)).toMatchObject({
      listed: 2,
      known: 0,
    });
  });

  it('counts what an earlier session of this run took and the server lists no more', () => {
    const ledger = ledgerOf({ gone: ['appended', run], long: ['appended', 1] });
    const picked = pick(listing(['a']), ledger, spooledOf('waiting'), run);
    expect(picked).toMatchObject({ listed: 3, known: 0 });
    expect(wantedOf(picked)).toEqual([0]);
  });

  it('does not count a message twice that this run took by its content', () => {
    // Three messages without unique ids; the ledger holds their contents.
    const ledger = ledgerOf({ c1: ['appended', run], c2: ['appended', run], c3: ['appended', run] });
    expect(pick(listing(['', '', ''], false), ledger, new Set(), run).listed).toBe(3);
  });

  it('always adds up: known, refused before, wanted, in the spool and settled by this run', () => {
    const stand = fc.constantFrom('new', 'known', 'refused', 'accepted', 'settled', 'spooled', 'vanished', 'adopted');
    const message = fc.record({ stand, isListed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        const ends: Record<string, [Outcome, number]> = {};
        const spooled: string[] = [];
        for (const [i, one] of messages.entries()) {
          if (one.stand === 'known' || one.stand === 'adopted') ends[`m${i}`] = ['appended', run - 1];
          if (one.stand === 'refused') ends[`m${i}`] = ['refused', run - 1];
          if (one.stand === 'accepted') ends[`m${i}`] = ['accepted', run - 2];
          if (one.stand === 'vanished') ends[`m${i}`] = ['vanished', run - 1];
          if (one.stand === 'settled') ends[`m${i}`] = ['appended', run];
          if (one.stand === 'spooled' || one.stand === 'adopted') spooled.push(`m${i}`);
        }
        const uidls = messages.flatMap(({ isListed }, i) => (isListed ? [`m${i}`] : []));
        const picked = pick(listing(uidls), ledgerOf(ends), spooledOf(...spooled), run);
        const [settled, waits] = ['settled', 'spooled'].map(
          (stand) => messages.filter((one) => one.stand === stand).length,
        );
        const { known, refusedBefore, wanted } = picked;
        expect(known + refusedBefore + wanted.length + waits! + settled!).toBe(picked.listed);
        const isNew = ({ stand }: { stand: string }) => stand === 'new' || stand === 'vanished';
        expect(wantedOf(picked).map((place) => uidls[place])).toEqual(
          messages.flatMap((one, i) => (one.isListed && isNew(one) ? [`m${i}`] : [])),
        );
      }),
      { numRuns: 300 },
    );
  });
});

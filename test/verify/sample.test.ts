import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LedgerRecord, packRecord, uidlKey } from '../../src/ledger/record.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import { parseListing } from '../../src/pop3/listing.ts';
import { Expected } from '../../src/verify/expected.ts';
import { type Depth, drawRanks, drawSample, markDeep, sampleCount } from '../../src/verify/sample.ts';

const keys = (count: number, from = 0) => Array.from({ length: count }, (_, n) => uidlKey(Buffer.from(`u${from + n}`)));
const draw = (all: readonly Buffer[], count: number, seed: number, account = 'a') => [
  ...drawSample(Float64Array.from(all, drawRanks(seed, account)), count),
];
const seeds = fc.nat({ max: 2 ** 31 - 1 });

describe('a sample', () => {
  it('has exactly as many as were asked for, none twice, all of them in the population', () => {
    const sizes = fc.nat({ max: 300 }).chain((of) => fc.tuple(fc.constant(of), fc.nat({ max: of })));
    fc.assert(
      fc.property(sizes, seeds, ([of, count], seed) => {
        const chosen = draw(keys(of), count, seed);
        expect(chosen).toHaveLength(count);
        expect(new Set(chosen).size).toBe(count);
        for (const place of chosen) expect(place >= 0 && place < of).toBe(true);
        expect(chosen).toEqual(chosen.toSorted((a, b) => a - b));
      }),
    );
  });

  it('is exact where ranks are equal, too', () => {
    const ranks = fc.array(fc.nat({ max: 5 }), { maxLength: 40 });
    fc.assert(
      fc.property(ranks, fc.nat({ max: 40 }), (all, wanted) => {
        const count = Math.min(wanted, all.length);
        const chosen = [...drawSample(Float64Array.from(all), count)];
        expect(chosen).toHaveLength(count);
        const left = all.filter((_, place) => !chosen.includes(place));
        expect(Math.max(-1, ...chosen.map((place) => all[place]!))).toBeLessThanOrEqual(Math.min(6, ...left));
      }),
    );
  });

  it('is the same for the same seed, in whatever order the messages come', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(keys(60), { minLength: 30, maxLength: 60 }), seeds, (shuffled, seed) => {
        const names = (all: readonly Buffer[]) => draw(all, 12, seed).map((place) => all[place]!.toString('hex'));
        const sorted = shuffled.toSorted((a, b) => a.compare(b));
        expect(new Set(names(shuffled))).toEqual(new Set(names(sorted)));
      }),
    );
  });

  it('loses one at most for each message that joins', () => {
    const names = (all: readonly Buffer[]) => draw(all, 50, 7).map((place) => all[place]!.toString('hex'));
    const before = names(keys(500));
    const after = new Set(names(keys(510)));
    expect(before.filter((name) => !after.has(name)).length).toBeLessThanOrEqual(10);
  });

  it('is another for another seed and another account', () => {
    const all = keys(1000);
    expect(draw(all, 20, 1)).not.toEqual(draw(all, 20, 2));
    expect(draw(all, 20, 1, 'a')).not.toEqual(draw(all, 20, 1, 'b'));
  });

  it('takes each message, and each pair of neighbours, about equally often', () => {
    const all = keys(20);
    const rounds = 8000;
    const single = new Array<number>(all.length).fill(0);
    const pairs = new Array<number>(all.length).fill(0);
    for (let seed = 0; seed < rounds; seed += 1) {
      const chosen = new Set(draw(all, 5, seed));
      for (const place of chosen) {
        single[place] = single[place]! + 1;
        if (chosen.has((place + 1) % all.length)) pairs[place] = pairs[place]! + 1;
      }
    }
    // Seeds are fixed, so this is no matter of luck; 5 standard deviations.
    for (const count of single) expect(Math.abs(count / rounds - 5 / 20)).toBeLessThan(0.025);
    for (const count of pairs) expect(Math.abs(count / rounds - (5 * 4) / (20 * 19))).toBeLessThan(0.013);
  });
});

describe('the size of a sample', () => {
  it.each([
    [{ messages: 500 }, 12_000, 500],
    [{ messages: 500 }, 12, 12],
    [{ messages: 500 }, 0, 0],
    [{ percent: 5 }, 12_000, 600],
    [{ percent: 5 }, 3, 1],
    [{ percent: 5 }, 0, 0],
    [{ percent: 0.1 }, 1000, 1],
    [{ percent: 100 }, 12, 12],
  ])('%j of %d messages is %d', (size, of, count) => {
    expect(sampleCount(size, of)).toBe(count);
  });
});

describe('what is chosen from', () => {
  const record = (name: string, outcome: LedgerRecord['outcome'], content = 'digested'): Buffer =>
    packRecord({
      key: uidlKey(Buffer.from(name)),
      outcome,
      mailbox: 1,
      uid: 1,
      size: 9,
      content: Buffer.from(content),
      run: 1,
    });
  const none = '\0'.repeat(8);
  /** u0 to u4 are listed, g0 to g3 are gone. */
  function expected(): Expected {
    const names = ['u0', 'u1', 'u2', 'u3', 'u4'];
    const lines = (text: (name: string) => string) =>
      Buffer.from(names.map((name, n) => `${n + 1} ${text(name)}\r\n`).join(''));
    const options = { popListingMaxMessages: 1000, popUidlMaxBytes: 1000 };
    const listing = parseListing(
      lines(() => '9'),
      lines((name) => name),
      { endpoint: { host: 'h' }, options },
    );
    const records = [
      record('u0', 'appended'),
      record('u1', 'duplicate', none),
      record('u2', 'refused'),
      record('u3', 'accepted'),
      record('g0', 'appended'),
      record('g1', 'duplicate', none),
      record('g2', 'duplicate'),
      record('g3', 'vanished', none),
    ];
    const made = new Expected(listing, new LedgerTable(Buffer.concat(records)), {
      spooled: new Set(),
      owed: new Map(),
      repaired: new Map(),
    });
    made.addGone();
    return made;
  }
  const marked = (depth: Depth) => {
    const made = expected();
    const of = markDeep(made, depth, 'a');
    const deep = Array.from({ length: made.size }, (_, n) => n).filter((n) => made.isDeep(n));
    return { of, deep: deep.map((n) => made.key(n).toString('hex')).sort() };
  };
  const hex = (...names: string[]) => names.map((name) => uidlKey(Buffer.from(name)).toString('hex')).sort();

  it('is what was delivered, where source or ledger have something to compare with', () => {
    const sample = { size: { messages: 99 }, seed: 3 };
    expect(marked(sample)).toEqual({ of: 4, deep: hex('u0', 'u1', 'g0', 'g2') });
    const most = Array.from({ length: 40 }, (_, seed) => marked({ size: { messages: 3 }, seed }).deep);
    expect(most.every((deep) => deep.length === 3)).toBe(true);
    expect(new Set(most.flat())).toEqual(new Set(hex('u0', 'u1', 'g0', 'g2')));
  });

  it('is everything without a sample, and nothing where only doubts are looked at', () => {
    expect(marked('all').deep).toHaveLength(9);
    expect(marked('doubts').deep).toEqual([]);
  });
});

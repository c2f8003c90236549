import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GivenUids, MergeWatch } from '../../src/append/merged.ts';

describe('UIDs that were given', () => {
  it('are new once each, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 120 }), (uids) => {
        const given = new GivenUids();
        const seen = new Set<number>();
        for (const uid of uids) {
          expect(given.give(uid)).toBe(!seen.has(uid));
          seen.add(uid);
        }
      }),
    );
  });

  it('take no more room than a thousand stretches, of which the lowest grow together', () => {
    const given = new GivenUids();
    for (let uid = 2; uid <= 2002 * 2; uid += 2) given.give(uid);
    // Between low ones nothing new can come; between the last ones it can.
    expect(given.give(3)).toBe(false);
    expect(given.give(4001)).toBe(true);
    expect(given.give(4004)).toBe(false);
  });
});

const inbox = { path: 'INBOX', uidValidity: 1 };

describe('an answer', () => {
  it('that names a UID that a mailbox had before it was replaced is that of a new message', () => {
    const watch = new MergeWatch();
    expect(watch.merged(inbox, [5, 6], 5)).toEqual([false, false]);
    expect(watch.merged({ ...inbox, uidValidity: 2 }, [5], 4)).toEqual([false]);
  });

  it('that names what was there before the command, or what another message got, is that of a merged one', () => {
    const watch = new MergeWatch();
    expect(watch.merged(inbox, [7], 7)).toEqual([false]);
    // Sent before the answer above came: the UIDNEXT that was known is the same.
    expect(watch.merged(inbox, [7], 7)).toEqual([true]);
    expect(watch.merged(inbox, [3], 8)).toEqual([true]);
    expect(watch.merged(inbox, [8, 9], 8)).toEqual([false, false]);
  });

  it('counts for its own mailbox, and says nothing without UIDs', () => {
    const watch = new MergeWatch();
    watch.merged(inbox, [7], 7);
    expect(watch.merged({ ...inbox, path: 'Sent' }, [7], 1)).toEqual([false]);
    expect(watch.merged(inbox, undefined, 7)).toEqual([]);
  });

  it('may come late on one of several connections', () => {
    const watch = new MergeWatch();
    expect(watch.merged(inbox, [9], 7)).toEqual([false]);
    expect(watch.merged(inbox, [8], 7)).toEqual([false]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Holdings } from '../../src/verify/holdings.ts';

/** Some differ in their first bytes, some in their last. */
const mark = (n: number) => Buffer.from([n % 3, 0, 0, 0, 0, 0, 0, n % 256, 9]);
const mailbox = (path: string) => ({ path, virtual: false, renumbered: false });

describe('what the destination holds', () => {
  it('is found by place and by fingerprint, whatever the order in which it was told', () => {
    const message = fc.record({ box: fc.nat(2), uid: fc.integer({ min: 1, max: 40 }), like: fc.nat(6) });
    const messages = fc.uniqueArray(message, { maxLength: 60, selector: ({ box, uid }) => `${box} ${uid}` });
    fc.assert(
      fc.property(messages, (all) => {
        const holdings = new Holdings();
        for (const path of ['INBOX', 'Sent', 'All']) holdings.mailbox(mailbox(path));
        for (const { box, uid, like } of all) holdings.add(box, uid, uid * 3, mark(like));
        holdings.seal();
        for (const { box, uid, like } of all) {
          expect(holdings.at(box, uid)).toMatchObject({ mailbox: box, uid, size: uid * 3, fingerprint: mark(like) });
          const same = all.filter((other) => other.like === like).map((other) => `${other.box} ${other.uid}`);
          expect(holdings.alike(mark(like)).map((held) => `${held.mailbox} ${held.uid}`)).toEqual(same);
        }
        expect(holdings.at(0, 41)).toBeUndefined();
        expect(holdings.alike(mark(7))).toEqual([]);
        const grouped = [...holdings.groups()].map((group) => group.length).sort();
        const counts = [0, 1, 2, 3, 4, 5, 6].map((like) => all.filter((other) => other.like === like).length);
        expect(grouped).toEqual(counts.filter((count) => count > 1).sort());
        expect([...holdings]).toHaveLength(all.length);
      }),
    );
  });

  it('counts a message once that the server told twice', () => {
    const holdings = new Holdings();
    holdings.mailbox(mailbox('INBOX'));
    for (const uid of [7, 8, 7]) holdings.add(0, uid, 5, mark(1));
    holdings.seal();
    expect([...holdings].map(({ uid }) => uid)).toEqual([7, 8]);
    expect(holdings.alike(mark(1))).toHaveLength(2);
  });

  it('grows beyond its first room, and keeps sizes of 4 GiB and more at the largest it can', () => {
    const holdings = new Holdings();
    holdings.mailbox(mailbox('INBOX'));
    for (let uid = 1; uid <= 5000; uid += 1) holdings.add(0, uid, uid === 5000 ? 2 ** 33 : uid, mark(uid));
    holdings.seal();
    expect(holdings.at(0, 1)?.size).toBe(1);
    expect(holdings.at(0, 4321)?.size).toBe(4321);
    expect(holdings.at(0, 5000)?.size).toBe(2 ** 32 - 1);
  });
});

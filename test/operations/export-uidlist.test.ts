import { describe, expect, it } from 'vitest';
import type { MappedMessage } from '../../src/operations/export-uidl-map.ts';
import { rewriteUidlist } from '../../src/operations/export-uidlist.ts';

const head = '3 V1234 N9 G0af1';
const file = (...lines: string[]) => Buffer.from(`${[head, ...lines].join('\n')}\n`, 'latin1');
const at = (uid: number, uidl: string, uidValidity = 1234): MappedMessage => ({
  uidl,
  mailbox: 'INBOX',
  uidValidity,
  uid,
  size: 1,
});
const rewritten = (bytes: Buffer, ...messages: MappedMessage[]) => rewriteUidlist(bytes, 'LIST', messages);
const reasonOf = (bytes: Buffer, ...messages: MappedMessage[]) => {
  try {
    rewritten(bytes, ...messages);
  } catch (error) {
    expect(error).toMatchObject({ code: 'uidlist-unfit' });
    return (error as Error).message;
  }
  throw new Error('it was taken');
};

describe('a dovecot-uidlist', () => {
  it('gets the ids of the messages that are known; everything else stays', () => {
    const before = file('1 :a,S=1', '2 W5 Gff :b: P1 \xff', '4 Pold O2 :c:2,S', '7 P :d', '8 Px :e');
    const { bytes, ...counts } = rewritten(
      before,
      at(1, 'one'),
      at(2, '+4'),
      at(4, "$&'"),
      at(7, 'seven'),
      at(6, 'gone'),
    );
    const lines = ['1 Pone :a,S=1', '2 W5 Gff P+4 :b: P1 \xff', "4 P$&' O2 :c:2,S", '7 Pseven :d', '8 Px :e'];
    expect(bytes).toEqual(file(...lines));
    expect(counts).toEqual({ kept: 4, absent: 1, merged: 0 });
    expect(rewritten(bytes, at(1, 'one')).bytes).toEqual(bytes);
  });

  it('shows a message that stands for two of the source under the id of the first', () => {
    const { bytes, merged } = rewritten(file('1 :a'), at(1, 'one'), at(1, 'two'));
    expect(bytes).toEqual(file('1 Pone :a'));
    expect(merged).toBe(1);
  });

  it('is refused where it is of another mailbox or no such file', () => {
    expect(reasonOf(file('1 :a'), at(1, 'one', 99))).toContain(
      'UIDVALIDITY is 1234, and the mail went to INBOX with 99',
    );
    expect(reasonOf(Buffer.from('1 1234 9\n1 a\n'), at(1, 'one'))).toContain('version 3');
    expect(reasonOf(file('1 :a').subarray(0, -1), at(1, 'one'))).toContain('last line');
    expect(reasonOf(file('1 :a', 'x :b'), at(1, 'one'))).toContain('line 3');
    expect(reasonOf(file('2 :a', '2 :b'), at(2, 'one'))).toContain('UID 2 does not follow UID 2');
  });

  it('is refused where two messages would have one id, or one has an id that POP3 forbids', () => {
    expect(reasonOf(file('1 :a', '2 :b'), at(1, 'x'), at(2, 'x'))).toContain('1 and 2 would both have the id x');
    expect(reasonOf(file('1 :a', '2 Px :b'), at(1, 'x'))).toContain('1 and 2');
    // What Dovecot shows of a message that has no P.
    expect(reasonOf(file('1 :a', '2 :b'), at(2, '00000001000004d2'))).toContain('1 and 2');
    for (const uidl of ['a b', 'a\nb', '', 'a\x7f', 'gr\xfcn'])
      expect(reasonOf(file('1 :a'), at(1, uidl))).toContain('forbids');
  });
});

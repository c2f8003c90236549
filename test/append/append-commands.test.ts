import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendCommands } from '../../src/append/append-commands.ts';
import { InFlight } from '../../src/append/in-flight.ts';
import { appendMessageOf, type Item, indexRecordOf, itemOf, settlementOf } from '../../src/append/items.ts';
import { DroppedFlags } from '../../src/append/lasting-flags.ts';
import type { BatchFile, SpooledMessage } from '../../src/spool/batch-file.ts';

const message: SpooledMessage = {
  key: '0102030405060708090a',
  uidl: 'u1',
  offset: 0,
  size: 10,
  headerBytes: 5,
  sha256: `00000009${'ab'.repeat(28)}`,
  fingerprint: '112233445566778899',
  hasMessageId: true,
  hasNul: false,
};
const placement = { target: { kind: 'main' }, internalDate: '01-Mar-2014 10:00:00 -0500', flags: ['\\Seen'] } as const;
const item = (size: number, index = 0): Item => itemOf('account', index, { ...message, size }, placement, undefined);
const features = { multiAppend: true, literal: 'plus', uidPlus: true, binary: false, appendLimit: undefined } as const;
const limits = { appendMaxMessages: 3, appendMaxBytes: 100 };
const sizesOf = (sizes: number[], multiAppend = true) =>
  appendCommands(sizes.map(item), { ...features, multiAppend }, limits).map((command) =>
    command.map((one) => one.message.size),
  );

describe('commands', () => {
  it.each([
    ['fill up to their number of messages', [1, 1, 1, 1], [[1, 1, 1], [1]]],
    ['fill up to their bytes', [60, 40, 1], [[60, 40], [1]]],
    ['carry a larger message alone', [10, 500, 10], [[10], [500], [10]]],
    ['of nothing are none', [], []],
  ])('%s', (_, sizes, commands) => {
    expect(sizesOf(sizes)).toEqual(commands);
  });

  it('carry one message each without MULTIAPPEND', () => {
    expect(sizesOf([1, 2, 3], false)).toEqual([[1], [2], [3]]);
  });

  it('keep the order, lose nothing and stay within their limits', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(150), { maxLength: 40 }), fc.boolean(), (sizes, multiAppend) => {
        const commands = sizesOf(sizes, multiAppend);
        expect(commands.flat()).toEqual(sizes);
        for (const [i, command] of commands.entries()) {
          const bytes = command.reduce((sum, size) => sum + size, 0);
          expect(command.length === 1 || (multiAppend && command.length <= 3 && bytes <= 100)).toBe(true);
          // None is cut before it is full.
          const next = commands[i + 1]?.[0];
          if (multiAppend && next !== undefined) expect(command.length === 3 || bytes + next > 100).toBe(true);
        }
      }),
    );
  });
});

describe('an item', () => {
  const file = { content: () => 'the bytes' } as unknown as BatchFile;

  it('is sent with its date, its bytes and the flags that last in its mailbox', () => {
    const lasting = new DroppedFlags().in('INBOX', ['\\seen']);
    const one = { ...item(10), placement: { ...placement, flags: ['\\Seen', '\\Flagged'] } };
    const sent = appendMessageOf(one, file, lasting);
    expect(sent).toMatchObject({ flags: ['\\Seen'], internalDate: placement.internalDate, size: 10, hasNul: false });
    expect(sent.open()).toBe('the bytes');
  });

  it('has a record in the index that tells whose it is and what is in it', () => {
    const one = item(10);
    const fingerprint = Buffer.from('112233445566778899', 'hex');
    expect(indexRecordOf(one, 8)).toEqual({ fingerprint, uid: 8, owner: one.owner, content: 9 });
    expect(itemOf('other', 0, message, placement, undefined).owner).not.toBe(one.owner);
  });

  it('is settled with its place, or with the reason of its refusal', () => {
    const place = { mailbox: 'INBOX', mailboxNumber: 3, uid: 8 };
    const stored = settlementOf(item(10, 4), 'appended', 2, place);
    const content = Buffer.from('00000009abababab', 'hex');
    const record = { key: Buffer.from(message.key, 'hex'), mailbox: 3, uid: 8, size: 10, content, run: 2 };
    expect(stored).toEqual({
      index: 4,
      outcome: 'appended',
      mailbox: 'INBOX',
      refusal: '',
      record: { ...record, outcome: 'appended' },
    });
    const refused = settlementOf(item(10), 'refused', 2, place, { code: 'message-empty', text: 'why' });
    const reason = { code: 'message-empty', text: 'why', uidl: 'u1', size: 10, sha256: message.sha256, run: 2 };
    expect(JSON.parse(refused.refusal)).toMatchObject({ ...reason, at: expect.any(Number) });
  });
});

describe('work in flight', () => {
  it('is counted until it is done', async () => {
    const flight = new InFlight();
    let done = () => {};
    flight.add(new Promise((resolve) => (done = resolve)));
    expect(flight.size).toBe(1);
    done();
    await flight.drain();
    expect(flight.size).toBe(0);
  });

  it('keeps its first failure for whoever asks next', async () => {
    const flight = new InFlight();
    flight.add(Promise.reject(new Error('first')));
    await flight.quietly();
    flight.add(Promise.reject(new Error('second')));
    await expect(flight.drain()).rejects.toThrow('first');
    expect(() => flight.check()).toThrow('first');
  });

  it('is waited for with what it adds meanwhile', async () => {
    const flight = new InFlight();
    const ends: string[] = [];
    const inner = async () => void ends.push('inner');
    const outer = async () => {
      await Promise.resolve();
      flight.add(inner());
      ends.push('outer');
    };
    flight.add(outer());
    await flight.drain();
    expect(ends.sort()).toEqual(['inner', 'outer']);
  });
});

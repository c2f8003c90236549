import { describe, expect, it } from 'vitest';
import { RenamedMail, renamedMail } from '../../src/download/renamed.ts';
import { type LedgerRecord, type Outcome, packRecord, uidlKey } from '../../src/ledger/record.ts';
import { LedgerTable } from '../../src/ledger/table.ts';

const run = 5;
const record = (name: string, outcome: Outcome = 'appended', when = 1): LedgerRecord => ({
  key: uidlKey(Buffer.from(name)),
  outcome,
  mailbox: 1,
  uid: 1,
  size: 100,
  content: Buffer.alloc(8, name),
  run: when,
});
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** Whether a source seems to have renamed its mail that lists `listed`, `wanted` of them unknown. */
function isRenamed(records: LedgerRecord[], listed: string[], wanted: number): boolean {
  const keys = Buffer.concat(listed.map((name) => uidlKey(Buffer.from(name))));
  return renamedMail(keys, new LedgerTable(Buffer.concat(records.map(packRecord))), wanted, run) !== undefined;
}

describe('a source', () => {
  const carried = names('old', 10).map((name) => record(name));

  it('has renamed its mail where most of what was carried is gone and as much is new', () => {
    expect(isRenamed(carried, names('new', 10), 10)).toBe(true);
    expect(isRenamed(carried, [...names('old', 3), ...names('new', 7)], 7)).toBe(true);
  });

  it('has not where everything is still listed', () => {
    expect(isRenamed(carried, [...names('old', 10), ...names('new', 10)], 10)).toBe(false);
  });

  it('has not where mail was only deleted', () => {
    expect(isRenamed(carried, [], 0)).toBe(false);
    expect(isRenamed(carried, names('new', 2), 2)).toBe(false);
    expect(isRenamed(carried, [...names('old', 5), ...names('new', 8)], 8)).toBe(false);
  });

  it('has not where too little was carried to tell', () => {
    expect(isRenamed(carried.slice(0, 3), names('new', 3), 3)).toBe(false);
  });

  it.each<[Outcome, number]>([
    ['refused', 1],
    ['vanished', 1],
    ['appended', run],
  ])('is not judged by mail that was %s in run %i', (outcome, when) => {
    const others = names('old', 10).map((name) => record(name, outcome, when));
    expect(isRenamed(others, names('new', 10), 10)).toBe(false);
  });
});

describe('mail that was carried', () => {
  const hash = `${'61'.repeat(8)}${'0'.repeat(48)}`;

  it('is recognised by content and size, copy by copy', () => {
    const mail = new RenamedMail([record('a'), record('a'), record('b')]);
    expect(mail.take(hash, 101)).toBeUndefined();
    expect(mail.take(hash, 100)).toEqual(record('a'));
    expect(mail.take(hash, 100)).toEqual(record('a'));
    expect(mail.take(hash, 100)).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { type AccountReport, buildReport, type MessageCounts, noBytes, noMessages } from '../../src/report/report.ts';
import { number, reportText, size, sumLine } from '../../src/report/text.ts';

const account = (id: string, messages: Partial<MessageCounts>, other: Partial<AccountReport> = {}): AccountReport => ({
  id,
  group: '',
  state: 'complete',
  messages: { ...noMessages, ...messages },
  bytes: noBytes,
  mailboxes: {},
  repaired: 0,
  rewritten: 0,
  problems: [],
  ...other,
});
const text = (...accounts: AccountReport[]) => reportText(buildReport('r1', 0, 12_300, accounts));

describe('the report for people', () => {
  it('is a table, the sum that must agree, and what needs somebody', () => {
    const alice = account(
      'alice',
      { listed: 1234, appended: 1200, known: 34 },
      { bytes: { listed: 0, downloaded: 5_250_000, appended: 5_000_000 }, mailboxes: { Sent: 100, INBOX: 1100 } },
    );
    const problem = {
      code: 'message-empty',
      stops: 'message',
      count: 2,
      text: 'It is empty.',
      remedy: 'Accept it.',
    } as const;
    const bob = account('bob', { listed: 3, refused: 2, pending: 1 }, { state: 'incomplete', problems: [problem] });
    expect(text(alice, bob)).toBe(
      [
        'account  state       listed  known  appended  duplicate  refused  failed  vanished  pending',
        'alice    complete     1,234     34     1,200          0        0       0         0        0',
        'bob      incomplete       3      0         0          0        2       0         0        1',
        'total                 1,237     34     1,200          0        2       0         0        1',
        '',
        'listed 1,237 = known 34 + appended 1,200 + duplicate 0 + refused 2 + failed 0 + vanished 0 + pending 1',
        '5.3 MB downloaded, 5.0 MB appended in 12.3 s.',
        'Appended by mailbox: INBOX 1,100, Sent 100.',
        '',
        'bob: message-empty (2 times)',
        '  It is empty.',
        '  → Accept it.',
        '',
      ].join('\n'),
    );
  });

  it('has no total for one account', () => {
    expect(text(account('alice', {}))).not.toContain('total');
  });

  it('cuts what is too long to show', () => {
    const mailboxes = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`box${i}`, 20 - i]));
    const shown = text(account('x'.repeat(60), { appended: 210 }, { mailboxes }));
    expect(shown).toContain(`${'x'.repeat(39)}… `);
    expect(shown).toContain('box11 9, and 8 more.');
    expect(shown).not.toContain('box12');
  });

  it('adds up a mailbox over all accounts', () => {
    const one = account('a', { appended: 2 }, { mailboxes: { INBOX: 2 } });
    expect(text(one, { ...one, id: 'b' })).toContain('INBOX 4.');
  });

  it('shows no names of the server that move the cursor', () => {
    const shown = text(account('a', { appended: 1 }, { mailboxes: { 'Sent\u001b[2J\nall is well': 1 } }));
    expect(shown).toContain('Sent [2J all is well 1.');
  });
});

describe('a run without anything new', () => {
  const quiet = 'Nothing new';

  it('says so, and that everything is known to be there', () => {
    expect(text(account('a', { listed: 5, known: 5 }))).toContain(
      'Nothing new: everything listed is known to be there.',
    );
  });

  it('does not say that everything is there where something was refused', () => {
    const shown = text(account('a', { listed: 5, known: 4, refused: 1 }));
    expect(shown).toContain(quiet);
    expect(shown).not.toContain('everything');
  });

  it.each(['appended', 'duplicate', 'pending', 'failed'] as const)('is not one where something is %s', (name) => {
    expect(text(account('a', { listed: 1, [name]: 1 }))).not.toContain(quiet);
  });

  it('is not one that failed', () => {
    expect(text(account('a', {}), account('b', {}, { state: 'failed' }))).not.toContain(quiet);
  });

  it.each(['queued', 'running', 'waiting', 'paused'] as const)(
    'is not one that was stopped while an account was %s',
    (state) => {
      expect(text(account('a', {}, { state }))).not.toContain(quiet);
    },
  );
});

describe('numbers', () => {
  it('have groups of three', () => {
    expect([0, 999, 1000, 1234567].map(number)).toEqual(['0', '999', '1,000', '1,234,567']);
  });

  it.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1000, '1.0 kB'],
    [1_550_000, '1.6 MB'],
    [2e9, '2.0 GB'],
    [5e12, '5.0 TB'],
    [7e15, '7000.0 TB'],
  ])('of bytes have the unit that suits them: %d', (bytes, shown) => {
    expect(size(bytes)).toBe(shown);
  });

  it('stand in one line that can be checked', () => {
    const line = sumLine({ ...noMessages, listed: 4321, known: 4000, pending: 321 });
    expect(line).toMatch(/^listed 4,321 = known 4,000 \+ .* \+ pending 321$/);
  });
});

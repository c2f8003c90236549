import { describe, expect, it } from 'vitest';
import { ownAddresses, type PlacementRules, place } from '../../src/append/placement.ts';
import { RuleSet } from '../../src/append/rules/rule-set.ts';
import { mainTarget } from '../../src/append/target.ts';
import { shippedRules } from '../../src/ground/settings-rules.ts';

const settings = { seenOlderThanDays: 30, flagsFromHeaders: false, dates: 'received' } as const;
const addresses = new Set(['me@example.com']);
const setOf = (placement: 'sent' | 'inbox') =>
  RuleSet.of(
    { id: 'one', group: '', addresses, source: 'pop.example.com' },
    {
      placement,
      rules: { default: shippedRules, groups: {}, accounts: {} },
      rulesTextMaxLength: 1000,
      rulesMailboxesMax: 10,
    },
  );
const rules: PlacementRules = {
  settings: { ...settings, seen: 'first-run' },
  ruleSet: await setOf('sent'),
  firstRun: true,
  now: Date.UTC(2020, 0, 1),
};
const put = (lines: string[], other: Partial<PlacementRules> = {}) =>
  place(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), 1000, { ...rules, ...other });

describe('the mailbox', () => {
  const sent = ['From: Me <me@example.com>', 'To: you@example.net'];

  it('of mail that the user sent is their own', () => {
    expect(put(sent).target).toEqual({ kind: 'special', use: '\\Sent' });
  });

  it('of a note to oneself is the main one', () => {
    expect(put(['From: me@example.com', 'To: me@example.com']).target).toEqual(mainTarget);
  });

  it('of all other mail is the main one', () => {
    expect(put(['From: you@example.net', 'To: me@example.com']).target).toEqual(mainTarget);
    expect(put([]).target).toEqual(mainTarget);
  });

  it('of everything is the main one with placement inbox', async () => {
    expect(put(sent, { ruleSet: await setOf('inbox') }).target).toEqual(mainTarget);
  });
});

describe('the flags', () => {
  it.each([
    ['first-run', true, ['\\Seen']],
    ['first-run', false, []],
    ['all', true, ['\\Seen']],
    ['all', false, ['\\Seen']],
    ['none', true, []],
    ['none', false, []],
  ] as const)('with seen %s and first run %s are %j', (seen, firstRun, flags) => {
    expect(put([], { settings: { ...settings, seen }, firstRun }).flags).toEqual(flags);
  });
});

describe('the date', () => {
  it('is that of the newest Received line, with its zone', () => {
    const lines = ['Received: by b; 3 Mar 2014 10:00:00 +0200', 'Received: by a; 2 Mar 2014 10:00:00 +0000'];
    expect(put(lines).internalDate).toBe('03-Mar-2014 10:00:00 +0200');
  });

  it('is that of Date where nothing was received', () => {
    expect(put(['Date: 1 Mar 2014 10:00:00 -0500']).internalDate).toBe('01-Mar-2014 10:00:00 -0500');
  });

  it('is left to the server where the message has none', () => {
    expect(put(['Date: yesterday']).internalDate).toBeUndefined();
    expect(put([]).internalDate).toBeUndefined();
  });
});

it('the addresses of a user are those of their user names that are addresses', () => {
  expect(ownAddresses('Me@Example.com', 'me', 'i@example.org')).toEqual(new Set(['me@example.com', 'i@example.org']));
});

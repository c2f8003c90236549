import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { noteProblem, problemOf } from '../../src/ledger/problems.ts';
import { type Run, readRun, startRun, updateRun } from '../../src/ledger/run.ts';
import { exitStatus } from '../../src/report/exit-status.ts';
import { accountReport, buildReport, messageCounts, noBytes, noMessages, sum } from '../../src/report/report.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const key = '7'.repeat(32);
const account = { id: 'alice', key, group: 'wave-1' } as Account;
const report = () => accountReport(redis.client, account);

describe('the report of an account', () => {
  it('is of nothing before its first run', async () => {
    const blank = { messages: noMessages, bytes: noBytes, mailboxes: {}, repaired: 0, rewritten: 0, problems: [] };
    expect(await report()).toEqual({ id: 'alice', group: 'wave-1', state: 'queued', ...blank });
  });

  it('has counts, bytes, mailboxes and problems of its run', async () => {
    await startRun(redis.client, key, 'r1', 1000, false);
    const counts = {
      listed: 12,
      known: 1,
      appended: 3,
      duplicate: 1,
      refused: 1,
      refusedBefore: 2,
      vanished: 1,
      failed: 1,
    };
    const bytes = { bytesListed: 900, downloaded: 800, bytesAppended: 700 };
    const fields = { ...counts, ...bytes, repaired: 2, rewritesAt: 'h', state: 'incomplete' };
    await updateRun(redis.client, key, 'r1', fields);
    await redis.client.hset(accountKeys.runMailboxes(key), { INBOX: 2, Sent: 1 });
    const lost = new MailhaulError('connection-lost', { host: 'h', during: 'APPEND' });
    await noteProblem(redis.client, key, problemOf(lost));
    expect(await report()).toEqual({
      id: 'alice',
      group: 'wave-1',
      state: 'incomplete',
      messages: { listed: 12, known: 1, appended: 3, duplicate: 1, refused: 3, failed: 1, vanished: 1, pending: 2 },
      bytes: { listed: 900, downloaded: 800, appended: 700 },
      mailboxes: { INBOX: 2, Sent: 1 },
      repaired: 2,
      rewritten: 3,
      problems: [problemOf(lost), problemOf(new MailhaulError('rewritten-by-destination', { host: 'h', count: 3 }), 3)],
    });
  });
});

describe('the counts', () => {
  it('always agree: listed is the sum of all others, none of them below nothing', async () => {
    await startRun(redis.client, key, 'r1', 1000, false);
    const run = (await readRun(redis.client, key))!;
    const n = fc.nat(1000);
    const counts = fc.record({
      listed: n,
      known: n,
      appended: n,
      duplicate: n,
      refused: n,
      refusedBefore: n,
      failed: n,
      vanished: n,
    });
    fc.assert(
      fc.property(counts, (given) => {
        const { listed, ...others } = messageCounts({ ...run, ...given } as Run);
        expect(Object.values(others).reduce((total, part) => total + part, 0)).toBe(listed);
        expect(Math.min(...Object.values(others))).toBeGreaterThanOrEqual(0);
        expect(listed).toBeGreaterThanOrEqual(given.listed);
      }),
    );
  });

  it('are added up field by field', () => {
    const one = { ...noMessages, listed: 3, known: 1, pending: 2 };
    const two = { ...noMessages, listed: 4, appended: 4 };
    expect(sum([one, two], noMessages)).toEqual({ ...noMessages, listed: 7, known: 1, appended: 4, pending: 2 });
    expect(sum([], noBytes)).toEqual(noBytes);
    expect(noMessages.listed).toBe(0);
  });
});

describe('the whole report', () => {
  it('has its run, its accounts and their totals', async () => {
    const blank = await report();
    const parts = [
      {
        ...blank,
        messages: { ...noMessages, listed: 2, appended: 2 },
        bytes: { listed: 5, downloaded: 5, appended: 5 },
      },
      { ...blank, id: 'bob', messages: { ...noMessages, listed: 1, failed: 1 } },
    ];
    expect(buildReport('r1', 0, 61_260, parts)).toEqual({
      version: 1,
      run: { id: 'r1', startedAt: '1970-01-01T00:00:00.000Z', finishedAt: '1970-01-01T00:01:01.260Z', seconds: 61.3 },
      accounts: parts,
      totals: {
        accounts: 2,
        messages: { ...noMessages, listed: 3, appended: 2, failed: 1 },
        bytes: { listed: 5, downloaded: 5, appended: 5 },
      },
    });
  });
});

describe('the exit status', () => {
  type End = [
    state: 'queued' | 'running' | 'waiting' | 'paused' | 'complete' | 'incomplete' | 'failed',
    ...codes: string[],
  ];
  const refused = 'credentials-refused';
  it.each<[string, 0 | 3 | 12, End[]]>([
    ['everything is settled', 0, [['complete'], ['complete']]],
    ['everything is settled after trouble', 0, [['complete', 'pipelining-broken']]],
    ['something is left', 3, [['complete'], ['incomplete', 'append-refused']]],
    ['an account failed', 3, [['complete'], ['failed', 'connection-lost']]],
    ['the only account has a refused password', 12, [['failed', refused]]],
    [
      'all accounts have refused passwords',
      12,
      [
        ['failed', refused],
        ['failed', refused],
      ],
    ],
    ['one of several has a refused password', 3, [['complete'], ['failed', refused]]],
    [
      'a password was refused and something else failed',
      3,
      [
        ['failed', refused],
        ['failed', 'host-unknown'],
      ],
    ],
    ['a password was refused beside another trouble', 3, [['failed', refused, 'connection-lost']]],
    [
      'a password was refused and mail is left',
      3,
      [
        ['failed', refused],
        ['incomplete', 'append-refused'],
      ],
    ],
    ['an account was not reached', 3, [['queued']]],
    ['an account was interrupted', 3, [['running']]],
    ['an account waits', 3, [['waiting']]],
    ['an account is paused', 3, [['paused']]],
  ])('where %s is %i', async (_, status, ends) => {
    const blank = await report();
    const problem = { stops: 'account', count: 1, text: '', remedy: '' } as const;
    const accounts = ends.map(([state, ...codes]) => ({
      ...blank,
      state,
      problems: codes.map((code) => ({ ...problem, code: code as 'connection-lost' })),
    }));
    expect(exitStatus(buildReport('r1', 0, 1, accounts))).toBe(status);
  });
});

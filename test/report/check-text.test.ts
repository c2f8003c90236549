import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { remedyFor } from '../../src/check/explain.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import { packageRoot } from '../../src/ground/package-root.ts';
import { type Problem, problemOf } from '../../src/ledger/problems.ts';
import { type CheckedAccountReport, type CheckReport, popBlindness } from '../../src/report/check-report.ts';
import { checkText, durationText } from '../../src/report/check-text.ts';
import { checkExitStatus } from '../../src/report/exit-status.ts';
import { buildReport, noBytes, noMessages } from '../../src/report/report.ts';

const refusal = new MailhaulError('credentials-refused', {
  host: 'pop.old.example',
  user: 'each of these users',
  reply: '-ERR [AUTH] Authentication failed.',
});
const refused = {
  ...problemOf(refusal),
  remedy: remedyFor(refusal, { side: 'source', user: 'bob@old.example', profile: undefined }),
};
const tooBig = problemOf(
  new MailhaulError('messages-too-big', { count: 3, limit: '35.65 MB', host: 'imap.new.example', largest: '48.2 MB' }),
  3,
);
const remark = problemOf(new MailhaulError('uidl-missing', { host: 'pop.old.example' }));

function account(id: string, state: CheckedAccountReport['state'], problems: Problem[], load?: [number, number]) {
  const [messages, bytes] = load ?? [0, 0];
  const nobody = { host: 'h', port: 1, security: 'tls', tls: null, capabilities: null };
  const report: CheckedAccountReport = {
    id,
    group: 'default',
    state,
    messages: { ...noMessages, listed: messages, pending: messages },
    bytes: { ...noBytes, listed: bytes },
    mailboxes: {},
    repaired: 0,
    rewritten: 0,
    problems,
    check: {
      incoming: load ? { messages, bytes } : null,
      source: { ...nobody, uniqueIds: null },
      destination: { ...nobody, messages: null, appendLimitBytes: null, quota: null },
      estimate: null,
    },
  };
  return report;
}

function reportOf(accounts: CheckedAccountReport[], more: Partial<CheckReport> = {}): CheckReport {
  return {
    ...buildReport('check', 0, 1900, accounts),
    accounts,
    problems: [],
    causes: [],
    estimate: { seconds: 0, days: 0, because: [] },
    notes: popBlindness,
    ...more,
  };
}

const four = reportOf(
  [
    account('ann', 'complete', [], [5120, 377_000_000]),
    account('bob', 'failed', [refused]),
    account('cem', 'failed', [refused]),
    account('dora', 'incomplete', [tooBig], [812, 2_150_000_000]),
  ],
  {
    causes: [
      { ...refused, count: 2, accounts: ['bob', 'cem'] },
      { ...tooBig, accounts: ['dora'] },
    ],
    estimate: {
      seconds: 347_000,
      days: 5,
      because: ['imap.new.example allows 500 MB of upload a day for each account: 1 account(s) need up to 5 days'],
    },
  },
);

describe('the report of a check for people', () => {
  it('is what docs/check.md shows', () => {
    const page = readFileSync(join(packageRoot(), 'docs', 'check.md'), 'utf8');
    const shown = /```text\n(.*?)```/s.exec(page)![1]!;
    expect(shown).toBe(checkText(four));
  });

  it('names each mistake of the list on a line of its own', () => {
    const wrong = (reason: string, count: number) =>
      new MailhaulError('list-invalid', { path: 'a.csv', count, reason });
    const text = (error: MailhaulError) => checkText(reportOf([]), error);
    expect(text(wrong('line 2: x;\nline 3: y', 2))).toMatch(
      /^the account list a\.csv has 2 wrong line\(s\):\n {2}line 2: x;\n {2}line 3: y\n {2}→ /,
    );
    expect(text(wrong('line 2: x', 1))).toMatch(/^the account list a\.csv has 1 wrong line\(s\): line 2: x\n {2}→ /);
  });

  it('names twenty accounts with a problem, and says how many more there are', () => {
    const ids = Array.from({ length: 200 }, (_, n) => `a${n}`);
    const text = checkText(reportOf([], { causes: [{ ...refused, count: 200, accounts: ids }] }));
    expect(text).toMatch(/credentials-refused: 200 accounts: a0, .*, a19 and 180 more\n/);
  });

  it.each([
    [{ seconds: 0.4, days: 1 }, '1 s'],
    [{ seconds: 119, days: 1 }, '119 s'],
    [{ seconds: 1500, days: 1 }, '25 minutes'],
    [{ seconds: 7201, days: 1 }, '3 hours'],
    [{ seconds: 300_000, days: 1 }, '4 days'],
    [{ seconds: 10, days: 9 }, '9 days'],
  ])('says how long it takes: %o', (estimate, text) => {
    expect(durationText(estimate)).toBe(text);
  });
});

describe('the exit status of a check', () => {
  it('is 0 with remarks, 3 with anything else, 12 where only credentials are refused, 10 for the list', () => {
    const status = (...accounts: CheckedAccountReport[]) => checkExitStatus(reportOf(accounts));
    const good = account('a', 'complete', [remark]);
    const locked = account('b', 'failed', [refused, remark]);
    expect(status(good)).toBe(0);
    expect(status(good, locked)).toBe(3);
    expect(status(locked)).toBe(12);
    expect(status(locked, account('c', 'failed', [{ ...refused, code: 'host-unknown' }]))).toBe(3);
    expect(status(locked, account('c', 'failed', [{ ...refused, code: 'app-password-needed' }]))).toBe(12);
    expect(status(account('d', 'incomplete', [tooBig]))).toBe(3);
    const invalid = problemOf(new MailhaulError('list-invalid', { path: 'p', count: 1, reason: 'r' }));
    expect(checkExitStatus(reportOf([good], { problems: [invalid] }))).toBe(10);
  });
});

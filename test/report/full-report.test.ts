import { describe, expect, it } from 'vitest';
import { accountsCsv, messagesCsv } from '../../src/report/full-csv.ts';
import { fullJson } from '../../src/report/full-json.ts';
import { buildFullReport } from '../../src/report/full-report.ts';
import { fullText } from '../../src/report/full-text.ts';
import { fullHtml } from '../../src/report/html/page.ts';
import type { Standing } from '../../src/report/standing.ts';
import { accountFaults, totalFaults } from '../../src/report/sums.ts';
import { type Made, messagesOf, plainHead, plainRun, standingOf, textOf, undelivered } from './made-standings.ts';

const built = (standings: readonly Standing[]) => buildFullReport(plainHead, standings, new Map());
const limits = { messagesMax: 100 };

describe('sums', () => {
  const good: [string, Made][] = [
    ['of nothing', {}],
    ['of an account that never ran', { run: null }],
    [
      'of a run with every outcome',
      {
        run: { listed: 28, known: 1, appended: 2, duplicate: 3, refused: 4, failed: 5, vanished: 6, refusedBefore: 7 },
      },
    ],
    ['with messages that are pending', { run: { listed: 9, appended: 2 } }],
    ['with more refused than the source lists now', { run: { listed: 1, known: 1 }, refused: 3 }],
    [
      'of a run whose batches are settled before it lists',
      { run: { finishedAt: 0, download: 'queued', appended: 5 }, mailboxes: {} },
    ],
    ['of a run that goes on while the registry is read', { run: { finishedAt: 0, listed: 5, refused: 2 }, refused: 1 }],
    ['of a run that never came to list', { run: { download: 'failed', appended: 5 } }],
  ];
  it.each(good)('agree: %s', (_, made) => {
    expect(accountFaults(standingOf('ann', made))).toEqual([]);
  });

  const bad: [string, Made, RegExp][] = [
    ['more settled than listed', { run: { listed: 3, appended: 5 } }, /source listed 3, and 5 are accounted for/],
    [
      'refused, and no reason kept',
      { run: { listed: 3, refused: 2, refusedBefore: 1 }, refused: 2 },
      /3 are counted as refused, and the ledger names 2/,
    ],
    [
      'appended to no mailbox',
      { run: { listed: 3, appended: 3 }, mailboxes: { INBOX: 2 } },
      /3 are counted as appended, and 2 went/,
    ],
    ['less than nothing', { run: { listed: 0, appended: -1 } }, /appended is -1/],
    ['no number', { run: { listed: 1, known: Number.NaN } }, /known is NaN/],
  ];
  it.each(bad)('do not agree: %s', async (_, made, text) => {
    const standing = standingOf('ann', made);
    expect(accountFaults(standing).join('; ')).toMatch(text);
    const full = built([standing, standingOf('bob')]);
    expect(full.report.accounts[0]!.problems[0]).toMatchObject({
      code: 'sums-disagree',
      text: expect.stringMatching(text),
    });
    expect(full.report.accounts[1]!.problems).toEqual([]);
    expect(full.causes[0]).toMatchObject({ code: 'sums-disagree', accounts: ['ann'] });
    const shown = await textOf(fullText(full, messagesOf(), limits));
    expect(shown.split('\n')[3]).toContain('THE SUMS DO NOT AGREE');
    expect(shown).toMatch(text);
    expect(JSON.parse(await textOf(fullJson(full, messagesOf())))).toMatchObject({ sums: { agree: false } });
    expect((await textOf(accountsCsv(full))).split('\r\n')[1]).toMatch(/^SUMS DO NOT AGREE,/);
    expect(await textOf(fullHtml(full, messagesOf(), limits))).toMatch(
      /<section class="box bad"[^>]*><h2>The sums do not agree/,
    );
  });

  it('of totals are held against accounts and groups', () => {
    const { report, groups } = built([standingOf('ann', { run: { listed: 2, appended: 2 } }), standingOf('bob')]);
    expect(totalFaults(report, groups)).toEqual([]);
    const { totals } = report;
    const wrong = { ...totals, messages: { ...totals.messages, listed: 3, appended: 3 } };
    expect(totalFaults({ ...report, totals: wrong }, groups)).toEqual([
      'listed: the total says 3, and the accounts come to 2',
      'appended: the total says 3, and the accounts come to 2',
      'listed: the total says 3, and the groups come to 2',
      'appended: the total says 3, and the groups come to 2',
    ]);
    expect(totalFaults(report, groups.slice(1))).toContain('accounts: the total says 2, and the groups come to 0');
  });
});

describe('the whole report', () => {
  const some = [
    standingOf('ann', { run: { listed: 4, appended: 3, refused: 1, state: 'incomplete', bytesListed: 10 } }),
    standingOf('bob', { group: '', run: { listed: 5, known: 5, id: 'run-2', startedAt: plainRun.startedAt + 1000 } }),
    standingOf('cyd', { run: { listed: 3, failed: 2, state: 'running', finishedAt: 0 }, owed: 1 }),
    standingOf('dia', { run: null }),
  ];

  it('adds up states, groups and what nobody can name', () => {
    const full = built(some);
    expect(full.states).toEqual({ incomplete: 1, complete: 1, running: 1, queued: 1 });
    expect([full.open, full.unnamed, full.faults]).toEqual([1, 1, []]);
    expect(full.groups.map(({ group, accounts, messages }) => [group, accounts, messages.listed])).toEqual([
      ['', 1, 5],
      ['wave-1', 3, 7],
    ]);
  });

  it('is that of one run where there is one, and goes from the first to the last where there are several', () => {
    const { run } = built(some).report;
    expect(run).toMatchObject({ id: 'report', startedAt: '2026-03-01T20:00:00.000Z', finishedAt: plainHead.madeAt });
    const one = built([standingOf('ann'), standingOf('bob')]).report.run;
    expect(one).toEqual({
      id: 'run-1',
      startedAt: '2026-03-01T20:00:00.000Z',
      finishedAt: '2026-03-01T20:10:00.000Z',
      seconds: 600,
    });
    expect(built([standingOf('dia', { run: null })]).report.run).toMatchObject({ id: 'report', seconds: 0 });
  });

  it('shows so many messages one by one as it may, and tells how many more there are', async () => {
    const messages = messagesOf([
      ['u1', 'u2', 'u3'].map((uidl) => undelivered({ uidl })),
      [undelivered({ account: 'bob', uidl: 'u4' })],
    ]);
    for (const write of [fullText, fullHtml]) {
      const all = await textOf(write(built(some), messages, { messagesMax: 4 }));
      for (const uidl of ['u1', 'u2', 'u3', 'u4']) expect(all).toContain(uidl);
      expect(all).not.toMatch(/and \d more/i);
      const cut = await textOf(write(built(some), messages, { messagesMax: 2 }));
      expect(cut).toContain('u2');
      expect(cut).not.toMatch(/u3|u4/);
      expect(cut).toMatch(/and 2 more/i);
    }
    expect((await textOf(messagesCsv(messages))).split('\r\n')).toHaveLength(6);
    expect(JSON.parse(await textOf(fullJson(built(some), messages))).undelivered).toHaveLength(4);
  });

  it('says who accepted what, when and why', async () => {
    const { fate, remedy, ...told } = undelivered({ subject: 'spam' });
    const messages = messagesOf(
      [],
      [[{ ...told, by: 'ann from ::1', reason: 'it is spam', at: '2026-03-01T21:00:00.000Z' }]],
    );
    expect([fate, remedy]).not.toContain('');
    const line = 'accepted by ann from ::1 at 2026-03-01 21:00:00 UTC: it is spam';
    expect(await textOf(fullText(built(some), messages, limits))).toContain(line);
    expect(await textOf(fullHtml(built(some), messages, limits))).toContain(
      'by ann from ::1, 2026-03-01 21:00:00 UTC: it is spam',
    );
    expect((await textOf(messagesCsv(messages))).split('\r\n')[1]).toMatch(
      /^ann,wave-1,accepted,u1,.*,ann from ::1,it is spam$/,
    );
    expect(JSON.parse(await textOf(fullJson(built(some), messages))).accepted).toMatchObject([{ by: 'ann from ::1' }]);
  });
});

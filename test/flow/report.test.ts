/** `mailhaul report`: what a move came to, as text, JSON, CSV and HTML, with each message that did not arrive. */
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliver } from '../../src/demo/maildir.ts';
import { readAxeFaults } from '../browser/axe.ts';
import { launch } from '../browser/visit.ts';
import { dovecotRow, type Ended, expectReport, HaulRig, scriptedRow } from './haul-rig.ts';

/** What would run, call home, move the cursor or turn the line round if it were taken for more than text. */
const hostile = [
  '<script>window.ran = 1</script><img src=x onerror="window.ran = 1">',
  "' onmouseover='window.ran=1' x='",
  '=?utf-8?Q?=3DHYPERLINK(=22http://127.0.0.1:9/=22)?=',
  '=?utf-8?Q?=C2=A0=2Bcmd|calc?=',
  '=?utf-8?Q?=1B[31mred=07=E2=80=AEgpj.exe?=',
  '</style></td></table><iframe src="http://127.0.0.1:9/"></iframe>',
];
const message = (n: number, subject: string, body: string) =>
  Buffer.from(
    `Message-ID: <m${n}@x>\r\nDate: Tue, 4 Mar 2014 10:20:30 +0100\r\nFrom: a@x\r\nSubject: ${subject}\r\n\r\n${body}\r\n`,
  );
const answer = 'NO [CANNOT] <b>=1+1</b> \x1b[31mnot this one';

let rig: HaulRig;
let list: string;
let redis: string;
let browser: Browser;

function run(...args: string[]): Promise<Ended> {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir, '--redis', redis];
  return rig.haul([...args, ...fixed]).ended;
}

const report = (...args: string[]) => run('report', list, ...args);
const place = (name: string) => join(rig.directory, name);

beforeAll(async () => {
  rig = await HaulRig.make();
  browser = await launch();
  rig.atEnd(() => browser.close());
  redis = (await rig.redis()).url;
  await rig.settings({ refusalWaitsMs: '[]' });
  const source = await rig.dovecot({ protocols: ['pop3'] });
  const destination = await rig.dovecot({ protocols: ['imap'] });
  await deliver(
    { server: source, user: 'ann' },
    [1, 2, 3].map((n) => ({ bytes: message(n, `note ${n}`, `text ${n}`) })),
  );
  const pop = await rig.pop({
    messages: [
      { uidl: 'fine', bytes: message(10, 'fine', 'fine') },
      ...hostile.map((subject, i) => ({ uidl: `bad-${i}`, bytes: message(20 + i, subject, 'REFUSE') })),
      { uidl: 'unread', bytes: message(30, 'never', 'never handed out') },
    ],
    replies: { 'RETR 8': '-ERR \x1b]0;<i>disk</i>\x07 trouble\r\n' },
  });
  const imap = await rig.imap({ refuse: ({ bytes }) => (bytes.includes('REFUSE') ? answer : undefined) });
  list = await rig.list([
    dovecotRow(source, destination, 'ann', { id: 'ann', group: 'wave-1' }),
    scriptedRow(pop, imap, { id: '=one', group: '<b>wave' }),
  ]);
  const synced = await rig.sync(list, ['--json', '--redis', redis]);
  expect(synced.status).toBe(3);
  expect(synced.report.totals.messages).toMatchObject({ listed: 11, appended: 4, refused: 6, failed: 1 });
});

afterAll(() => rig.end());

const uidls = [...hostile.map((_, i) => `bad-${i}`), 'unread'];

describe('after a run with messages that did not arrive', () => {
  test('JSON is the report of the run, and behind it every such message with its reason', async () => {
    const ended = await report('--json');
    expect(ended.status).toBe(3);
    expect(ended.stderr).toBe('');
    const { made, states, groups, unnamed, sums, verification, undelivered, accepted, ...plain } = JSON.parse(
      ended.stdout,
    );
    const { status, stderr } = ended;
    expectReport({ status, stderr, stdout: `${JSON.stringify(plain)}\n`, report: plain, account: plain.accounts[0] });
    expect(plain.totals.messages).toMatchObject({ listed: 11, appended: 4, refused: 6, failed: 1 });
    expect(sums).toEqual({ agree: true, faults: [] });
    expect([states, unnamed, accepted, verification.verdict]).toEqual([{ complete: 1, incomplete: 1 }, 0, [], 'none']);
    expect(groups.map(({ group }: { group: string }) => group)).toEqual(['<b>wave', 'wave-1']);
    expect(undelivered.map(({ uidl }: { uidl: string }) => uidl).sort()).toEqual([...uidls].sort());
    const first = undelivered.find(({ uidl }: { uidl: string }) => uidl === 'bad-0');
    expect(first).toMatchObject({ account: '=one', code: 'append-refused', fate: 'refused', messageId: '<m20@x>' });
    expect(first.reply).toContain('not this one');
    expect([first.remedy, first.at, first.size]).not.toContain('');
    expect(ended.stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  });

  test('text names each, and has no control characters', async () => {
    const ended = await report('--title', 'Move of\x1b[31m x', '--by', 'A. Admin');
    expect(ended.status).toBe(3);
    expect(ended.stdout).toMatch(
      /^Move of␛\[31m x\nMailhaul [\d.]+, .* UTC by A. Admin: all accounts of accounts.csv\n/,
    );
    expect(ended.stdout).toContain('listed 11 = known 0 + appended 4 + duplicate 0 + refused 6 + failed 1');
    expect(ended.stdout).toContain('Not verified');
    for (const uidl of uidls) expect(ended.stdout).toContain(`UIDL ${uidl}`);
    expect(ended.stdout).toContain('not this one');
    expect(ended.stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  });

  test('CSV has a line for each account, or for each message, and no formulas', async () => {
    const file = place('messages.csv');
    const out = place('accounts.csv.report');
    expect((await report('--format', 'csv', '--out', out, '--messages', file)).stdout).toBe('');
    const rows = (await readFile(out, 'utf8')).split('\r\n');
    expect(rows[0]).toMatch(/^account,group,state,listed,/);
    expect(rows.slice(1)).toEqual([
      expect.stringMatching(/^ann,wave-1,complete,3,0,3,0,0,0,0,0,/),
      expect.stringMatching(/^'=one,<b>wave,incomplete,8,0,1,0,6,1,0,0,/),
      '',
    ]);
    const printed = await report('--messages', '-');
    expect(await readFile(file, 'utf8')).toBe(printed.stdout);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const lines = printed.stdout.split('\r\n');
    expect(lines).toHaveLength(uidls.length + 2);
    for (const uidl of uidls) expect(lines.filter((line) => line.includes(`,${uidl},`))).toHaveLength(1);
    expect(printed.stdout).toContain(`"'=HYPERLINK(""http://127.0.0.1:9/"")"`);
    expect(printed.stdout).not.toMatch(/(?:^|,|")[\s\u00a0]*[=+@|]/m);
    expect(printed.stdout).not.toMatch(/[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]/);
  });

  test('an earlier report is replaced, and nothing else', async () => {
    const path = place('mine.txt');
    await writeFile(path, 'my own words');
    const refused = await report('--out', path);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toContain('export-exists');
    expect(await readFile(path, 'utf8')).toBe('my own words');
    expect((await run('report')).stderr).toContain('name the list');
  });

  test('HTML is one file that does nothing in a browser but be read; verified, it says so on top', async () => {
    const path = place('report.html');
    expect((await report('--format', 'html', '--out', path)).status).toBe(3);
    const before = await browsed(path, { colorScheme: 'light', viewport: { width: 1200, height: 800 } });
    expect(before.headline).toContain('Not verified');
    expect(before.text).toContain('listed 11 = known 0 + appended 4 + duplicate 0 + refused 6 + failed 1');
    for (const uidl of uidls) expect(before.cells).toContain(uidl);
    expect(before.text).toContain(hostile[0]);
    expect(before.text).toContain(hostile[5]);
    expect(before.text).not.toMatch(/[\u202e\x1b]/);

    expect((await run('verify', list, '--account', 'ann', '--no-record')).status).toBe(0);
    const records = join(rig.dataDir, 'verification');
    expect(existsSync(records)).toBe(false);
    const verified = await run('verify', list, '--json');
    expect(verified.status).toBe(3);
    expect((await stat(records)).mode & 0o777).toBe(0o700);
    expect((await report('--format', 'html', '--out', path, '--quiet')).stderr).toBe('');
    const after = await browsed(path, { colorScheme: 'dark', viewport: { width: 390, height: 844 } });
    expect(after.headline).toContain('Not proved: failures were found in 1 account(s); 1 of 2 account(s) proved.');
    const ann = await report('--account', 'ann');
    expect(ann.status).toBe(0);
    expect(ann.stdout).toContain('Proved: all 1 account(s).');
  }, 120_000);
});

/** The page in a real browser, which must not run, ask for, or complain of anything; and what is on it. */
async function browsed(path: string, look: Parameters<Browser['newPage']>[0]) {
  const page = await browser.newPage(look);
  try {
    await page.addInitScript({ path: resolve('test/browser/in-page.js') });
    const told: string[] = [];
    page.on('console', (line) => told.push(line.text()));
    page.on('pageerror', (error) => told.push(error.message));
    page.on('request', (asked) => told.push(asked.url()));
    await page.goto(`file://${path}`);
    await page.evaluate("for (const one of document.querySelectorAll('*')) one.dispatchEvent(new Event('mouseover'))");
    expect(await page.evaluate('window.ran')).toBeUndefined();
    expect(await page.locator('script, iframe, img, link, object').count()).toBe(0);
    // The style sheet holds, though the policy forbids all others.
    expect(await page.evaluate("getComputedStyle(document.querySelector('svg')).display")).toBe('block');
    const words = (selector: string) => page.locator(selector).allTextContents();
    const [[headline], [text], cells] = await Promise.all([words('section.box h2'), words('main'), words('td')]);
    expect(await readAxeFaults(page)).toEqual([]);
    expect(await page.evaluate('lookInside.tooWide()')).toEqual([]);
    expect(told).toEqual([`file://${path}`]);
    return { headline, text, cells };
  } finally {
    await page.close();
  }
}

/** A migration driven from the page: the built service, real servers, and a person at a browser. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectEqual, mailOf } from '../flow/service-rig.ts';
import { expectGood, useBrowser } from './browser-rig.ts';
import { hosts, type Migration, startMigration, unwanted } from './migration.ts';
import type { Visit } from './visit.ts';

const browser = useBrowser();
let migration: Migration;

const mail = (user: string, count: number) => mailOf(user, Array<number>(count).fill(800));
const marked = {
  bytes: Buffer.from(`Message-ID: <marked@x>\r\nSubject: <img src=x onerror="canary=1">\r\n\r\n${unwanted}\r\n`),
};
const adas = 80;

beforeAll(async () => {
  const people = [
    { id: 'ada', group: 'wave-1', mail: mail('ada', adas) },
    { id: 'ben', group: 'wave-1', mail: mail('ben', 12) },
    { id: 'cleo', group: 'wave-2', mail: mail('cleo', 3), mistyped: true },
    { id: 'dan', group: 'wave-2', mail: [...mail('dan', 4), marked], picky: true },
  ];
  migration = await startMigration(people, {
    reply: 'message content rejected <img src=x onerror="canary=1">',
    settings: {
      // A rate that one can watch.
      budgets: `{hosts: {${hosts.source}: {messagesPerSecondPerAccount: 10}}}`,
      batchMaxMessages: '5',
      popPipelineCommands: '4',
    },
  });
});

afterAll(() => migration?.rig.end());

/** A visitor who is logged in and looks at an account. */
async function at(id: string, steering = true): Promise<Visit> {
  const visit = await browser.visit(migration.site);
  await visit.logIn({ steering });
  await visit.open('Accounts');
  await visit.page.getByRole('link', { name: id, exact: true }).click();
  await visit.page.getByRole('heading', { level: 1, name: id }).waitFor();
  return visit;
}

/** The numbers that a part of the page shows while `work` goes on until `ends` is there, each different one once. */
async function numbersUntil(
  visit: Visit,
  read: () => Promise<string>,
  ends: () => Promise<boolean>,
): Promise<number[]> {
  const seen: number[] = [];
  while (!(await ends())) {
    const shown = Number((await read()).replace(/[^0-9]/g, ''));
    if (seen.at(-1) !== shown) seen.push(shown);
    await visit.page.waitForTimeout(100);
  }
  return seen;
}

/** The line of the sum of messages that a count stands in. */
function count(visit: Visit, name: string): () => Promise<string> {
  const row = visit.page.getByRole('table', { name: /^Messages/ }).getByRole('row', { name: new RegExp(`^${name}`) });
  return async () => (await row.getByRole('cell').first().textContent()) ?? '';
}

/** Whether the account is in a state, as it stands beside its name. */
function isState({ page }: Visit, state: string): () => Promise<boolean> {
  const head = page.getByRole('heading', { level: 1 }).locator('..');
  return () => head.getByText(state, { exact: true }).isVisible();
}

/** A file that a button makes: its name, and how it begins. */
async function downloaded({ page }: Visit, button: string): Promise<{ name: string; begin: string }> {
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  const download = await coming;
  const content = await readFile(await download.path());
  const name = download.suggestedFilename();
  return { name, begin: content.subarray(0, name.endsWith('zip') ? 4 : 6).toString('latin1') };
}

test('a haul that was begun on the page is seen to advance and to end, without loading anything again', async () => {
  const [steering, watching] = [await at('ada'), await browser.visit(migration.site)];
  await watching.logIn();
  await steering.deed('Run now');
  const appended = count(watching, 'appended');
  const done = isState(steering, 'complete');
  const [ofAda, ofAll] = [await numbersUntil(steering, count(steering, 'appended'), done), await appended()];
  expect(ofAda.filter((shown) => shown > 0 && shown < adas).length).toBeGreaterThan(0);
  expect(ofAda).toEqual([...ofAda].sort((a, b) => a - b));
  expect(Number(ofAll)).toBeGreaterThan(0);
  await expect.poll(appended).toBe(String(adas));
  await expect.poll(count(steering, 'appended')).toBe(String(adas));
  await expectEqual(migration.source, migration.destination, new Map([['ada', adas]]));
  await expectGood(steering, 'the page of ada');
  await expectGood(watching, 'the overview');
});

test('a failed account says what is wrong and what to do; mended and retried it is seen to finish', async () => {
  const visit = await at('cleo');
  await visit.deed('Run now');
  await visit.page.getByText('refuses the user name or password of cleo').first().waitFor();
  await visit.page.getByText('Correct user name and password').first().waitFor();
  await expectGood(visit, 'the page of a failed account');
  await migration.setPassword('pw');
  await visit.deed('Retry');
  await expect.poll(isState(visit, 'complete'), { timeout: 20_000 }).toBe(true);
  // The run before keeps its error in the history; what to do about it is gone.
  await expect.poll(() => visit.page.getByText('Correct user name and password').count()).toBe(0);
  await expectEqual(migration.source, migration.destination, new Map([['cleo', 3]]));
});

test('refused messages are listed with what the server said, and are signed off with a reason', async () => {
  const visit = await at('dan');
  await visit.deed('Run now');
  await expect.poll(isState(visit, 'incomplete'), { timeout: 20_000 }).toBe(true);
  await visit.page.getByText('message content rejected <img src=x').first().waitFor();
  await visit.page.getByText('<img src=x onerror="canary=1">', { exact: true }).first().waitFor();
  expect(await downloaded(visit, 'Download the UIDL map')).toEqual({ name: 'dan.csv', begin: 'uidl,m' });
  // What is refused is fetched once more: a ZIP archive begins with PK.
  expect(await downloaded(visit, 'Download these messages')).toEqual({ name: 'dan.zip', begin: 'PK\x03\x04' });
  await visit.page.getByRole('button', { name: 'Accept' }).first().click();
  await expectGood(visit, 'the question for a reason');
  await visit.page.keyboard.press('Escape');
  await visit.deed('Accept', 'spam, and Dan says so');
  await expect.poll(isState(visit, 'complete')).toBe(true);
  await visit.page.getByText('spam, and Dan says so').first().waitFor();
  await visit.open('Audit');
  await visit.page.getByRole('row', { name: /accept.*dan.*spam, and Dan says so/ }).waitFor();
  await expectGood(visit, 'the audit log');
});

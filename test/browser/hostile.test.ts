/** Ids, groups, hosts, subjects, answers of servers and reasons that try to be more than text on the page. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectGood, useBrowser } from './browser-rig.ts';
import { type DashboardSite, openDashboardSite } from './dashboard-site.ts';
import { hostileAccounts, hostileTexts, terminalText, writeHostileRuns } from './hostile.ts';

const browser = useBrowser();
const accounts = hostileAccounts();
let dashboard: DashboardSite;

beforeAll(async () => {
  dashboard = await openDashboardSite(accounts, (redis) => writeHostileRuns(redis, accounts));
  for (const text of [...Object.values(hostileTexts), terminalText]) {
    const { status } = await dashboard.rig.ask('/api/pause', { body: { group: text, reason: text.slice(0, 500) } });
    // What is no group, or longer than a request may be, is refused; what was tried stands in the audit log all the same.
    expect([200, 400, 404]).toContain(status);
  }
});

afterAll(() => dashboard?.end());

test.each([
  ['a phone', { width: 320, height: 640 }],
  ['a wide window', { width: 1280, height: 800 }],
])('is text on every page, and moves nothing out of the window: %s', async (_, look) => {
  const visit = await browser.visit(dashboard.site, look);
  await visit.logIn({ steering: true });
  await visit.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  expect(await visit.tooWide()).toEqual([]);
  for (const page of ['Hosts', 'Audit', 'Accounts'] as const) {
    await visit.open(page);
    await visit.page.getByText('canary').locator('visible=true').first().waitFor();
    expect({ page, tooWide: await visit.tooWide() }).toEqual({ page, tooWide: [] });
  }
});

test('is text on the page of each account, and in its dialogs', async () => {
  const visit = await browser.visit(dashboard.site, { width: 360, height: 740 });
  await visit.logIn({ steering: true });
  for (const { id } of accounts) {
    const name = id.split(' ')[0]!;
    await visit.goto(`#/accounts/${encodeURIComponent(id)}`);
    await visit.page.getByRole('heading', { level: 1, name: new RegExp(`^${name} `) }).waitFor();
    await visit.page.getByText('refuses the user name or password').first().waitFor();
    expect({ name, tooWide: await visit.tooWide() }).toEqual({ name, tooWide: [] });
  }
  await visit.page.getByRole('button', { name: 'Run now', exact: true }).first().click();
  await visit.page.getByRole('dialog').waitFor();
  await expectGood(visit, 'the dialog of a deed');
});

test('is searched for as text', async () => {
  const visit = await browser.visit(dashboard.site);
  await visit.logIn();
  await visit.open('Accounts');
  const search = visit.page.getByRole('searchbox', { name: 'Search accounts' });
  for (const [name, text] of Object.entries(hostileTexts)) {
    await search.fill(text.slice(0, 200));
    await visit.page
      .getByRole('link', { name: new RegExp(`^${name} `) })
      .first()
      .waitFor();
  }
});

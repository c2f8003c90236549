/** Ten thousand accounts on the page: found, opened, scrolled through, by mouse and by keyboard, and who may do what. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { expectGood, useBrowser } from './browser-rig.ts';
import { type DashboardSite, openDashboardSite } from './dashboard-site.ts';
import { fleet, writeRuns } from './fleet.ts';
import type { Look, Visit } from './visit.ts';

const browser = useBrowser();
const accounts = fleet(10_000);
let dashboard: DashboardSite;

beforeAll(async () => {
  dashboard = await openDashboardSite(accounts, (redis) => writeRuns(redis, accounts));
});

afterAll(() => dashboard?.end());

async function loggedIn(look: Look & { steering?: boolean } = {}): Promise<Visit> {
  const visit = await browser.visit(dashboard.site, look);
  await visit.logIn(look);
  await visit.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  return visit;
}

const search = ({ page }: Visit) => page.getByRole('searchbox', { name: 'Search accounts' });
const link = ({ page }: Visit, id: string) => page.getByRole('link', { name: id, exact: true });

test('a wrong token is told, the right one opens, and who logs out is out', async () => {
  const visit = await browser.visit(dashboard.site);
  await visit.logIn({ token: 'x'.repeat(43) });
  await expect.poll(() => visit.page.getByRole('alert').textContent()).toContain('token');
  await expectGood(visit, 'the login after a wrong token');
  await visit.logIn();
  await visit.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await visit.page.getByRole('button', { name: 'Session' }).click();
  await visit.page.getByRole('button', { name: 'Log out' }).click();
  await visit.page.getByLabel('Token').waitFor();
  await visit.goto('#/accounts');
  await visit.page.getByLabel('Token').waitFor();
  expect(await visit.page.textContent('body')).not.toContain('ada.');
});

test('an account is found among ten thousand, opened, and the search is still there on the way back', async () => {
  const visit = await loggedIn();
  await visit.open('Accounts');
  await visit.page
    .getByText(/\b10,000\b/)
    .first()
    .waitFor();
  await search(visit).pressSequentially('wave-7 eve.03');
  // One of ten accounts is called eve: those from 03000 to 03499 are in wave-7.
  await visit.page.getByText(/^50\b/).first().waitFor();
  await link(visit, 'eve.03014').click();
  await visit.page.getByRole('heading', { level: 1, name: 'eve.03014' }).waitFor();
  await visit.page.goBack();
  await link(visit, 'eve.03014').waitFor();
  expect(await search(visit).inputValue()).toBe('wave-7 eve.03');
  await search(visit).fill('nobody is called that');
  await visit.page
    .getByText(/no account/i)
    .first()
    .waitFor();
  await expectGood(visit, 'a search that finds nothing');
});

test('the list is scrolled through to its end, by wheel and by keyboard', async () => {
  const visit = await loggedIn();
  await visit.open('Accounts');
  await link(visit, 'ada.00000').waitFor();
  await visit.page.mouse.move(640, 600);
  for (let turns = 0; turns < 60 && !(await link(visit, 'jan.09999').isVisible()); turns += 1) {
    await visit.page.mouse.wheel(0, 20_000);
    await visit.page.waitForTimeout(50);
  }
  await link(visit, 'jan.09999').waitFor();
  await expectGood(visit, 'the end of the list');
});

test('everything is reached with the keyboard alone', async () => {
  const visit = await browser.visit(dashboard.site);
  const { keyboard } = visit.page;
  visit.expects(/status of 401/);
  await visit.goto();
  // The page may be loaded before the field that it names has the focus.
  await visit.page.getByLabel('Token').and(visit.page.locator(':focus')).waitFor();
  await keyboard.type(dashboard.site.token);
  await tabTo(visit, visit.page.getByRole('checkbox', { name: /steering/i }));
  await keyboard.press('Space');
  await keyboard.press('Enter');
  await visit.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await tabTo(visit, visit.page.getByRole('link', { name: 'Accounts', exact: true }));
  await keyboard.press('Enter');
  await tabTo(visit, search(visit));
  await keyboard.type('dan.09993');
  await tabTo(visit, link(visit, 'dan.09993'));
  await keyboard.press('Enter');
  await visit.page.getByRole('heading', { level: 1, name: 'dan.09993' }).waitFor();
  await tabTo(visit, visit.page.getByRole('button', { name: 'Pause', exact: true }));
  await keyboard.press('Enter');
  await visit.page.getByRole('dialog').waitFor();
  await keyboard.press('Escape');
  await visit.page.getByRole('dialog').waitFor({ state: 'detached' });
  await visit.page.getByRole('button', { name: 'Pause', exact: true }).and(visit.page.locator(':focus')).waitFor();
});

/** Presses Tab until something has the focus. */
async function tabTo({ page }: Visit, wanted: Locator): Promise<void> {
  await wanted.waitFor();
  for (let pressed = 0; pressed < 100; pressed += 1) {
    if ((await wanted.and(page.locator(':focus')).count()) > 0) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`the keyboard does not reach ${wanted}`);
}

test.each(['light', 'dark'] as const)('every page is accessible, and is %s where the system is', async (theme) => {
  const visit = await browser.visit(dashboard.site, { theme, reducedMotion: true });
  visit.expects(/status of 401/);
  await visit.goto();
  await expectGood(visit, 'login');
  await visit.logIn({ steering: true });
  for (const name of ['Overview', 'Hosts', 'Audit', 'Accounts'] as const) {
    await visit.open(name);
    await expectGood(visit, name);
  }
  // Of one that failed, with its problem and remedy.
  await search(visit).fill('00017');
  await link(visit, 'hugo.00017').click();
  await visit.page.getByText('Correct user name and password').first().waitFor();
  await expectGood(visit, 'a failed account');
  const [red = 0, green = 0, blue = 0] = (await visit.background()).match(/\d+/g)!.map(Number);
  expect(red + green + blue > 382).toBe(theme === 'light');
  expect(await visit.moving(), 'motion that nobody wants').toEqual([]);
});

test('nothing is out of reach on a phone', async () => {
  const visit = await loggedIn({ width: 320, height: 640, steering: true });
  for (const name of ['Overview', 'Hosts', 'Audit', 'Accounts'] as const) {
    await visit.open(name);
    expect({ name, tooWide: await visit.tooWide() }).toEqual({ name, tooWide: [] });
  }
  await expectGood(visit, 'the list, as cards');
  await search(visit).fill('09993');
  await link(visit, 'dan.09993').click();
  await visit.page.getByRole('button', { name: 'Pause', exact: true }).click();
  await visit.page.getByRole('dialog').getByRole('button', { name: 'Pause', exact: true }).waitFor();
  await expectGood(visit, 'a dialog');
});

test('who may only look has no buttons for deeds, and what he sends all the same is refused', async () => {
  const visit = await loggedIn();
  await visit.open('Accounts');
  await link(visit, 'ada.00000').click();
  await visit.page.getByText('nothing was refused').waitFor();
  for (const name of ['Pause', 'Resume', 'Run now', 'Retry', 'Accept', 'Download the UIDL map (CSV)']) {
    expect(await visit.page.getByRole('button', { name, exact: true }).count(), name).toBe(0);
  }
  visit.expects(/status of 403/);
  const status = await visit.page.evaluate<number>(`(async () => {
    const { csrf } = await (await fetch('api/session')).json();
    const headers = { 'content-type': 'application/json', 'x-csrf-token': csrf };
    return (await fetch('api/pause', { method: 'POST', headers, body: '{"all":true}' })).status;
  })()`);
  expect(status).toBe(403);
  expect((await dashboard.rig.ask('/api/status')).json['pauses']).toEqual([]);
});

test('pages of others can have nothing done by who is logged in', async () => {
  const visit = await loggedIn({ steering: true });
  const posts = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'].map(
    (type, at) => `<form id="f${at}" method="post" enctype="${type}" action="${dashboard.site.url}/api/pause">
      <input name='{"all":true,"x":"' value='"}'></form>`,
  );
  const other = createServer((request, response) => {
    const at = new URL(request.url!, 'http://other').searchParams.get('at');
    const script = at === null ? simpleRequest(dashboard.site.url) : `document.getElementById('f${at}').submit()`;
    response.end(`<!doctype html><title>other</title>${posts.join('')}<script>${script}</script>`);
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  // 127.0.0.1 is one site whatever the port: the cookie is sent. localhost is another site.
  visit.expects(/./);
  for (const host of ['127.0.0.1', 'localhost']) {
    for (const at of [0, 1, 2]) {
      const answered = visit.page.waitForResponse(`${dashboard.site.url}/api/pause`);
      await visit.page.goto(`http://${host}:${port}/?at=${at}`);
      expect((await answered).status()).toBeGreaterThanOrEqual(400);
    }
    await visit.page.goto(`http://${host}:${port}/`);
    await visit.page.getByText('was sent').waitFor();
  }
  expect((await dashboard.rig.ask('/api/status')).json['pauses']).toEqual([]);
  // The visitor is logged in all the same.
  await visit.goto();
  await visit.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
});

/** A request that a page may send to any origin without asking first, with the cookies that go there. */
const simpleRequest = (
  url: string,
) => `fetch('${url}/api/pause', { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{"all":true}' })
  .catch(() => {}).then(() => { document.body.textContent = 'was sent'; })`;

test('a session that ends while the page is open is told, and what is shown stays', async () => {
  const visit = await loggedIn();
  await visit.open('Accounts');
  await link(visit, 'ada.00000').waitFor();
  visit.expects(/status of 401/);
  const other = await visit.context.newPage();
  await other.goto(dashboard.site.url);
  await other.getByRole('button', { name: 'Session' }).click();
  await other.getByRole('button', { name: 'Log out' }).click();
  await other.getByLabel('Token').waitFor();
  await visit.page.getByText(/session has ended/i).waitFor();
  expect(await link(visit, 'ada.00000').isVisible()).toBe(true);
  await expectGood(visit, 'a page whose session has ended');
});

test('the queues stand behind the same login', async () => {
  const visit = await browser.visit(dashboard.site);
  visit.expects(/status of 401/);
  await visit.goto('queues');
  await visit.page.getByLabel('Token').fill(dashboard.site.token);
  await visit.page.getByRole('button', { name: 'Log in' }).click();
  await visit.page
    .getByText(/mailhaul|mh[-:]/i)
    .first()
    .waitFor();
  expect(new URL(visit.page.url()).pathname).toMatch(/^\/queues/);
});

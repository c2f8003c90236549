/**
 * `npm run screenshots`: writes docs/screenshots/, the pages of the dashboard in the middle of a migration of real mail,
 * in light, dark and on a phone. `--png DIR` writes PNG files there instead, for who looks at them one by one.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import type { Delivery } from '../../src/demo/maildir.ts';
import { realMail } from '../../src/demo/real-mail.ts';
import { packageRoot } from '../../src/ground/package-root.ts';
import { hosts, type Migration, type Person, startMigration, unwanted } from './migration.ts';
import { type Look, launch, open, type Visit } from './visit.ts';

const { values } = parseArgs({ options: { png: { type: 'string' } } });

const looks: Readonly<Record<string, Look>> = {
  light: { width: 1280, height: 860 },
  dark: { width: 1280, height: 860, theme: 'dark' },
  phone: { width: 390, height: 844 },
};

const groups = ['office', 'workshop', 'shops'];
const names =
  'ada ben cleo dan eve finn gina hugo ines jan kim lars mia noel olga paul rosa sam tess udo vera will zoe'.split(' ');

/** Enough for a chart, and few enough to wait for. */
const messages = 6000;
const perSecond = 60;
/** Share of the messages that have arrived when the pictures are taken. */
const shownAt = 0.4;

/** A page: how one gets there from the one before. */
const pages: Readonly<Record<string, (visit: Visit) => Promise<void>>> = {
  overview: (visit) => visit.open('Overview'),
  accounts: (visit) => visit.open('Accounts'),
  account: (visit) => openAccount(visit, 'ada'),
  failed: (visit) => openAccount(visit, 'cleo'),
  refused: async (visit) => {
    await openAccount(visit, 'dan');
    await visit.page.getByRole('heading', { name: 'Undelivered messages' }).scrollIntoViewIfNeeded();
  },
  retry: async (visit) => {
    await openAccount(visit, 'cleo');
    await visit.page.getByRole('button', { name: 'Retry', exact: true }).first().click();
    await visit.page.getByRole('dialog').waitFor();
  },
  hosts: async (visit) => {
    await visit.page.keyboard.press('Escape');
    await visit.open('Hosts');
  },
  audit: (visit) => visit.open('Audit'),
};

async function openAccount(visit: Visit, id: string): Promise<void> {
  await visit.open('Accounts');
  await visit.page.getByRole('link', { name: id, exact: true }).click();
  await visit.page.getByRole('heading', { level: 1, name: id }).waitFor();
}

/** Real mail, dealt out unevenly; dan has a message that his new server does not take. */
async function everybody(): Promise<Person[]> {
  const mail = new Map<string, Delivery[]>(names.map((name) => [name, []]));
  let dealt = 0;
  for await (const { bytes } of realMail({ limit: messages })) {
    // The first have several times as much as the last.
    const at = Math.floor(names.length * ((dealt * 0.618) % 1) ** 1.6);
    mail.get(names[at]!)!.push({ bytes });
    dealt += 1;
  }
  const offer = `Message-ID: <offer@shop.example>\r\nSubject: Your order\r\nDate: Tue, 4 Mar 2014 10:20:30 +0100\r\n`;
  // At the beginning, so that it is known by the time of the pictures.
  mail.get('dan')!.unshift({ bytes: Buffer.from(`${offer}\r\n${unwanted}\r\n`) });
  return names.map((id, at) => ({
    id,
    group: groups[at % groups.length]!,
    mail: mail.get(id)!,
    picky: id === 'dan',
    mistyped: id === 'cleo',
  }));
}

/** Starts all runs, and returns when so much has arrived that there is something to see. */
async function advance({ site }: Migration): Promise<void> {
  const headers = { authorization: `Bearer ${site.token}`, 'content-type': 'application/json' };
  const call = async (path: string, body: object) => {
    const answer = await fetch(`${site.url}/api/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  };
  await call('run', { all: true });
  await call('pause', { group: 'shops', reason: 'the till needs its line until noon' });
  await call('resume', { group: 'shops' });
  await call('pause', { account: ['zoe'], reason: 'on holiday, wants to be asked first' });
  for (;;) {
    const { messages: sum } = (await (await fetch(`${site.url}/api/overview`, { headers })).json()) as {
      messages: { listed: number; appended: number; duplicate: number; refused: number };
    };
    if (sum.appended + sum.duplicate >= messages * shownAt && sum.refused > 0) return;
    await new Promise((resume) => setTimeout(resume, 200));
  }
}

/** One picture: WebP for docs/, PNG elsewhere. */
async function picture(visit: Visit, name: string): Promise<void> {
  // Charts and tables fill with the answers that they ask for.
  await visit.page.waitForLoadState('load');
  await visit.page.waitForTimeout(500);
  if (values.png !== undefined) {
    await visit.page.screenshot({ path: join(values.png, `${name}.png`) });
    return;
  }
  const session = await visit.context.newCDPSession(visit.page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 80 });
  await writeFile(join(packageRoot(), 'docs/screenshots', `${name}.webp`), Buffer.from(data, 'base64'));
}

async function pictures(browser: Browser, migration: Migration): Promise<string[]> {
  const faults: string[] = [];
  for (const [look, how] of Object.entries(looks)) {
    const visit = await open(browser, migration.site, how);
    visit.expects(/status of 401/);
    await visit.goto();
    await picture(visit, `login-${look}`);
    await visit.logIn({ steering: true });
    for (const [page, go] of Object.entries(pages)) {
      await go(visit);
      await picture(visit, `${page}-${look}`);
    }
    faults.push(...visit.unexpected());
    await visit.context.close();
  }
  return faults;
}

const migration = await startMigration(await everybody(), {
  reply: 'message content rejected: looks like spam',
  settings: {
    // So that there is a line in the chart after a minute.
    throughputStepMs: '2000',
    budgets: `{hosts: {${hosts.source}: {messagesPerSecond: ${perSecond}, connections: 24}}}`,
  },
});
try {
  const browser = await launch();
  try {
    await mkdir(values.png ?? join(packageRoot(), 'docs/screenshots'), { recursive: true });
    await advance(migration);
    const faults = await pictures(browser, migration);
    for (const fault of faults) process.stderr.write(`${fault}\n`);
    process.exitCode = faults.length === 0 ? 0 : 1;
  } finally {
    await browser.close();
  }
} finally {
  await migration.rig.end();
}

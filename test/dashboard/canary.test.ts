/** Secrets go in and never come out: not by any route, header or event, and not into the log or the audit file. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SecretRef } from '../../src/accounts/secret.ts';
import { AccountStore } from '../../src/accounts/store.ts';
import { createLog, type Log } from '../../src/ground/log.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { accountOf } from '../accounts/account-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ask, type DashboardRig, openRig } from './dashboard-rig.ts';

const redis = useRedis();
const patient = { timeout: 30_000, interval: 20 } as const;
const password = 'canary-password-93';
const clientSecret = 'canary-client-secret-61';
const sent = 'canary-in-a-request-17';
const sealEnv = { MAILHAUL_SEAL_KEY: randomBytes(32).toString('base64') };
const list = `id,pop_host,pop_user,pop_password,imap_host,imap_user,imap_password
new,127.0.0.1,new,${password},127.0.0.1,new,env:CANARY
`;

/** What makes routes do their work. */
const good: Readonly<Record<string, readonly Ask[]>> = {
  'POST /api/accounts/import': [{ body: { name: 'list.csv', text: list } }],
  'POST /api/accounts/remove': [{ body: { account: ['new'] } }],
  'POST /api/accept': [{ body: { all: true, reason: 'spam' } }],
  'POST /api/tasks': ['check', 'verify', 'dry-run']
    .map((kind): Ask => ({ body: { kind, all: true } }))
    .concat({ body: { kind: 'authorize', id: 'tom@example.com' } }),
  ...Object.fromEntries(
    ['pause', 'resume', 'retry', 'run'].map((deed) => [`POST /api/${deed}`, [{ body: { all: true } }]]),
  ),
};

/** Ways to bring a secret to a route that does not ask for it. */
const mistakes: readonly Ask[] = [
  { token: sent },
  { token: null, headers: { cookie: `mailhaul-0=${sent}`, 'x-csrf-token': sent } },
  { headers: { 'x-csrf-token': sent, 'mailhaul-user': `${sent}!`, cookie: `a=${sent}` } },
  { body: { password: sent, all: { secret: sent }, account: [[sent]], name: { a: sent }, kind: sent, reason: 7 } },
  { raw: `{"password": "${sent}` },
  { raw: `token=${sent}`, headers: { 'content-type': 'application/x-www-form-urlencoded' } },
];

interface World {
  readonly rig: DashboardRig;
  readonly log: Log;
  readonly logText: () => Promise<string>;
}

/** A service whose accounts have secrets of each kind, at a server that says them back. */
async function world(): Promise<World> {
  const handle = await redis.another();
  const folder = await mkdtemp(join(tmpdir(), 'mailhaul-canary-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const log = createLog({ level: 'trace', destination: join(folder, 'log') });
  const replies = { PASS: `-ERR ${password} is wrong\r\n` };
  const pop = await ScriptedPop3.start({ user: 'ann', capabilities: ['UIDL', 'USER'], replies });
  onTestFinished(() => pop.close());
  const closed = { host: '127.0.0.1', port: 1, security: 'none' } as const;
  const ann = accountOf('ann', { password, from: { ...closed, port: pop.port }, to: closed });
  const token = { ...closed, auth: 'oauth2:tenant', password: SecretRef.none };
  const tom = accountOf('tom@example.com', { from: token, to: token });
  const tenant = { kind: 'client-credentials', tokenUrl: 'https://127.0.0.1:1/', clientId: 'app', clientSecret };
  const settings = {
    oauth: { tenant: { ...tenant, scope: 'mail' } } as never,
    logLevel: 'trace' as const,
    apiFailuresPerMinute: 10_000,
    retryWaitsMs: [],
  };
  const env = { ...sealEnv, CANARY: password };
  const store = await AccountStore.open(handle.client, loadSettings({ env: {}, options: {} }), env);
  const rig = await openRig(handle, [ann, tom], { parts: { log, env, store }, settings });
  return { rig, log, logText: () => readFile(join(folder, 'log'), 'utf8') };
}

/** The events so far, of a stream that stays open until the test ends. */
function events({ dashboard, token }: DashboardRig): Promise<() => string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const asked = request(`${dashboard.url}/api/events`, { headers, agent: false }, (response) => {
      let text = JSON.stringify(response.headers);
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', () => {});
      resolve(() => text);
    });
    asked.once('error', reject).end();
    onTestFinished(() => void asked.destroy());
  });
}

it('secrets that go in come out nowhere', async () => {
  const { rig, log, logText } = await world();
  const told: string[] = [];
  const ask = async (path: string, how: Ask) => {
    const { status, headers, text } = await rig.ask(path, how);
    told.push(`${how.method} ${path.split('?')[0]} ${status} ${JSON.stringify(headers)} ${text}`);
    return text;
  };
  const stream = await events(rig);
  const routes = rig.dashboard.routes.filter((route) => !/^HEAD | \/api\/events$/.test(route));
  expect(routes.filter((route) => route.includes(' /api/')).length).toBeGreaterThan(25);
  // What may do its work first, and once more when the tasks have ended.
  for (const route of [...Object.keys(good), ...routes]) {
    const [method = '', pattern = ''] = route.split(' ');
    const path = pattern.replace(/:\w+/g, 'ann').replace('*', 'page.js');
    for (const how of good[route] ?? [{}]) await ask(path, { method, ...how });
    const possible = mistakes.filter(({ body, raw }) => method === 'POST' || (body ?? raw) === undefined);
    for (const how of possible) await ask(`${path}?password=${sent}`, { method, ...how });
  }
  const { tasks } = JSON.parse(await ask('/api/tasks', { method: 'GET' })) as { tasks: { id: string }[] };
  expect(tasks.length).toBeGreaterThan(3);
  for (const { id } of tasks) {
    await vi.waitFor(
      async () => expect((await rig.ask(`/api/tasks/${id}`)).json['finishedAt']).not.toBeNull(),
      patient,
    );
    await ask(`/api/tasks/${id}`, { method: 'GET' });
  }
  // The server was asked, and what it said is told without the password in it.
  expect(told.join('\n')).toContain('is wrong');
  log.info('the last line');
  await vi.waitFor(async () => expect(await logText()).toContain('the last line'), patient);
  await vi.waitFor(() => expect(stream()).toContain('event: overview'), patient);
  const audit = await readFile(join(rig.settings.dataDir, 'audit.jsonl'), 'utf8');
  expect(audit).toContain('"action":"import"');
  const secrets = { password, clientSecret, sent, ...sealEnv, token: rig.token, lookToken: rig.lookToken };
  for (const [name, secret] of Object.entries(secrets)) {
    const places = [...told, stream(), ...(await logText()).split('\n'), ...audit.split('\n')];
    expect(
      places.filter((text) => text.includes(secret)),
      name,
    ).toEqual([]);
  }
});

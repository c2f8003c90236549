/** Who is told what by the built program: a service with 30 accounts, and a sync whose receiver is away. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectRedis } from '../../src/ground/redis.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { SmtpReceiver } from '../servers/smtp-receiver.ts';
import { WebhookReceiver } from '../servers/webhook-receiver.ts';
import { HaulRig, type Row, side } from './haul-rig.ts';
import { LeakSearch } from './leaks.ts';
import { lines, stopAll } from './service-rig.ts';

const whsec = () => `whsec_${randomBytes(32).toString('base64')}`;
const messages = ['a', 'b'].map((name) => ({
  uidl: name,
  bytes: Buffer.from(`Message-ID: <${name}@x>\r\nSubject: cAnArY-subject ${name}\r\n\r\n${name.repeat(500)}\r\n`),
}));
const certificates = makeCertificates();
let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

/** Lines of accounts that share two servers. */
async function accounts(count: number): Promise<Row[]> {
  const [pop, imap] = [await rig.pop({ messages, anyUser: true }), await rig.imap()];
  return Array.from({ length: count }, (_, at) => {
    const sides = { ...side('pop', pop.port, `u${at}`, 'secret'), ...side('imap', imap.port, `u${at}`, 'pw') };
    return { id: `u${at}`, ...sides };
  });
}

/** A receiver; where its secret stands is for the caller to say. */
async function receiver(secrets: readonly string[], secure = false) {
  const server = await WebhookReceiver.start({ secrets, ...(secure && { certificates }) });
  rig.atEnd(() => server.close());
  return server;
}

async function smtp(): Promise<SmtpReceiver> {
  const server = await SmtpReceiver.start('starttls', { certificates });
  rig.atEnd(() => server.close());
  return server;
}

test('30 accounts are one message to each target, one of them needs a person, and no secret is anywhere', async () => {
  const secrets = [whsec(), whsec()];
  const [hook, mail] = [await receiver(secrets, true), await smtp()];
  const tlsCaFile = await rig.file('ca.pem', certificates.ca);
  const login = { user: 'mailhaul', password: `file:${await rig.file('smtp.secret', 'smtp-secret\n')}` };
  const envelope = { from: 'mailhaul@example.com', to: ['ops@example.com'] };
  const notifications = {
    hook: { kind: 'webhook', url: hook.url, secrets: ['env:HOOK_SECRET', secrets[1]], tlsCaFile },
    mail: { kind: 'email', host: '127.0.0.1', port: mail.port, ...login, ...envelope, tlsCaFile },
  };
  await rig.settings({
    schedules: '{default: {when: once}}',
    notifications: JSON.stringify(notifications),
    notifyPollMs: '100',
    // The ends of 30 runs, of their group, and of all.
    notifyMaxEvents: '32',
  });
  const rows = await accounts(30);
  const list = await rig.list([...rows.slice(1), { ...rows[0], pop_password: 'wrong' }]);
  const redis = await rig.redis();
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--redis', redis.url, '--data-dir', rig.dataDir];
  const env = { HOOK_SECRET: secrets[0] };
  const service = rig.haul(['start', list, '--log-level', 'trace', ...fixed], env);
  await rig.reaches(() => lines(service, 'notified').length === 2, service);
  await stopAll([service]);
  expect([hook.received.length, mail.received.length]).toEqual([1, 1]);
  const [{ verified, notification, body }] = hook.received as [(typeof hook.received)[number]];
  expect(verified).toEqual(secrets);
  expect(notification.data).toMatchObject({
    notTold: 0,
    'account-finished': { count: 30, states: { complete: 29, failed: 1 } },
    'account-needs-person': { count: 1, first: [{ account: 'u0', code: 'credentials-refused' }] },
    'run-finished': { count: 1, first: [{ group: null, accounts: { complete: 29, failed: 1 } }] },
    'budget-pause': { count: 0 },
  });
  expect(notification.data['account-finished'].messages).toMatchObject({ listed: 58, pending: 0 });
  expect(mail.received).toMatchObject([{ to: ['ops@example.com'], secure: true, user: 'mailhaul' }]);
  const search = new LeakSearch({ one: secrets[0]!, two: secrets[1]!, smtp: 'smtp-secret', subject: 'cAnArY-subject' });
  for (const text of [body, mail.received[0]!.text]) search.bytes('messages', 'a message', text);
  search.bytes('log', 'the log', service.text.stderr);
  const { client, close } = await connectRedis(redis.url, { redisStartTimeoutMs: 5000, redisLostAfterMs: 5000 });
  rig.atEnd(close);
  await search.redis(client);
  expect([...search.found]).toEqual([]);
  for (const kind of ['messages', 'log', 'redis']) expect(search.searched[kind]).toBeGreaterThan(500);
}, 60_000);

test('a sync tells at its end, whoever is away, and its next run tells the rest by the same id', async () => {
  const secret = whsec();
  const [hook, gone] = [await receiver([secret]), await receiver([secret])];
  gone.close();
  const secrets = [`file:${await rig.file('hook.secret', secret)}`];
  const target = (url: string) => ({ kind: 'webhook', url, secrets });
  await rig.settings({
    notifications: JSON.stringify({ hook: target(hook.url), gone: target(gone.url) }),
    notifySyncMs: '2000',
    budgets: '{hosts: {127.0.0.1: {downloadBytesPerDay: 700}}}',
    syncWaitMaxMs: '1',
  });
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--redis', (await rig.redis()).url];
  const list = await rig.list(await accounts(1));
  hook.answers.push(500);
  // The budget lets one message through: incomplete, whatever becomes of the notification.
  expect((await rig.sync(list, fixed)).status).toBe(3);
  expect(await readFile(join(rig.dataDir, 'mailhaul.log'), 'utf8')).toContain('notification-failed');
  const tried = await rig.haul(['check', list, '--notify', '--data-dir', rig.dataDir, ...fixed]).ended;
  expect(tried.stderr).toContain('notifications: hook took a test');
  expect(tried.stderr).toMatch(/the notification target gone did not take a message: .*ECONNREFUSED/);
  expect([tried.status, hook.received[1]!.notification.type]).toEqual([3, 'mailhaul.test']);
  expect((await rig.sync(list, fixed)).status).toBe(3);
  expect(hook.received).toHaveLength(4);
  const [first, , same, rest] = hook.received;
  expect([same!.id, same!.body]).toEqual([first!.id, first!.body]);
  expect(same!.notification.data).toMatchObject({
    'account-finished': { count: 1, states: { incomplete: 1 } },
    'run-finished': { count: 1, first: [{ group: null }] },
    'budget-pause': { count: 1, first: [{ host: '127.0.0.1', side: 'source' }] },
  });
  // The budget of the day is told once.
  expect(rest!.notification.data).toMatchObject({ 'account-finished': { count: 1 }, 'budget-pause': { count: 0 } });
}, 60_000);

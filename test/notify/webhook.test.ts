import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { MailhaulError } from '../../src/ground/errors.ts';
import type { NotifyTarget } from '../../src/ground/settings-notify.ts';
import { testNotification } from '../../src/notify/message.ts';
import { failureOf, senderOf } from '../../src/notify/senders.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { WebhookReceiver } from '../servers/webhook-receiver.ts';
import { quiet, secretA, secretB, settingsFor, webhookTo } from './notify-rig.ts';

const certificates = makeCertificates();
const folder = mkdtempSync(join(tmpdir(), 'mailhaul-webhook-'));
const tlsCaFile = join(folder, 'ca.pem');
writeFileSync(tlsCaFile, certificates.ca);
const ends: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function receiver(secure = false): Promise<WebhookReceiver> {
  const made = await WebhookReceiver.start({ secrets: [secretA, secretB], ...(secure && { certificates }) });
  ends.push(() => made.close());
  return made;
}

/** Sends a test; undefined, or what went wrong. */
async function send(target: NotifyTarget, { env = {}, settings = {} } = {}): Promise<MailhaulError | undefined> {
  const context = { settings: settingsFor({}, settings), env, log: quiet, signal: new AbortController().signal };
  const sender = senderOf('ops', target, { ...context, clock: { now: Date.now, wait: async () => {} } });
  const message = {
    id: 'msg_1',
    notification: testNotification({ name: 'ops', target, dashboard: null, at: Date.now() }),
  };
  return sender(message).then(
    () => undefined,
    (error: unknown) => failureOf('ops', error),
  );
}

test('a message is signed by each secret, wherever that stands', async () => {
  const server = await receiver();
  expect(await send(webhookTo(server.url))).toBe(undefined);
  const file = join(folder, 'secret');
  writeFileSync(file, `${secretB}\n`);
  const secrets = [`file:${file}`, 'env:HOOK_SECRET'];
  expect(await send(webhookTo(server.url, { secrets }), { env: { HOOK_SECRET: secretA } })).toBe(undefined);
  expect(server.received.map(({ verified }) => verified)).toEqual([[secretA], [secretA, secretB]]);
  const [{ headers, notification, id }] = server.received as [(typeof server.received)[number]];
  expect({ id, type: notification.type }).toEqual({ id: 'msg_1', type: 'mailhaul.test' });
  expect(headers['content-type']).toBe('application/json; charset=utf-8');
});

test('https is verified, by the authority that the target names', async () => {
  const server = await receiver(true);
  expect((await send(webhookTo(server.url)))?.message).toMatch(/certificate/);
  expect(server.received).toEqual([]);
  expect(await send(webhookTo(server.url, { tlsCaFile }))).toBe(undefined);
  expect(server.received.map(({ verified }) => verified)).toEqual([[secretA]]);
});

test('a proxy of the settings is asked for others, and not for this machine in the clear', async () => {
  const [here, secure] = [await receiver(), await receiver(true)];
  const connections = { default: { proxy: 'socks5://127.0.0.1:1' }, hosts: {} };
  expect(await send(webhookTo(here.url), { settings: { connections } })).toBe(undefined);
  const error = await send(webhookTo(secure.url, { tlsCaFile }), { settings: { connections } });
  expect(error?.message).toContain('the proxy socks5://127.0.0.1:1');
  expect([here.received.length, secure.received.length]).toEqual([1, 0]);
});

test('any answer but 2xx is a no; redirects are not followed and long answers not read', async () => {
  const [server, other] = [await receiver(), await receiver()];
  server.answers.push(500, other.url, 410, 200);
  const said: (string | undefined)[] = [];
  for (let i = 0; i < 4; i += 1) said.push((await send(webhookTo(server.url)))?.message);
  expect(said.map((text) => text?.replace(/^.*: /, ''))).toEqual([
    'it answers 500',
    'it answers 302, and redirects are not followed',
    'it answers 410',
    undefined,
  ]);
  expect(other.received).toEqual([]);
});

test('silence, no http and nobody there are a no within the time', async () => {
  const server = await receiver();
  server.answers.push(0);
  const settings = { notifyTimeoutMs: 100 };
  expect((await send(webhookTo(server.url), { settings }))?.message).toContain('no answer within 0.1 s');
  const odd = createServer((socket) => void socket.on('error', () => {}).end('SSH-2.0-x\r\n'));
  odd.listen(0, '127.0.0.1');
  await once(odd, 'listening');
  ends.push(() => odd.close());
  const { port } = odd.address() as { port: number };
  expect((await send(webhookTo(`http://127.0.0.1:${port}/`)))?.code).toBe('notification-failed');
  server.close();
  expect((await send(webhookTo(server.url)))?.message).toMatch(/ECONNREFUSED/);
});

test('a secret that is none is told by its place, and nothing is sent', async () => {
  const server = await receiver();
  const target = webhookTo(server.url, { secrets: ['env:HOOK_SECRET'] });
  expect((await send(target))?.message).toContain('the variable HOOK_SECRET is not set');
  const wrong = await send(target, { env: { HOOK_SECRET: 'cAnArY' } });
  expect(wrong?.message).toContain('not whsec_');
  expect(wrong?.message).not.toContain('cAnArY');
  expect(server.received).toEqual([]);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { MailhaulError } from '../../src/ground/errors.ts';
import type { OutboxEntry } from '../../src/notify/events.ts';
import { type Notification, notificationOf } from '../../src/notify/message.ts';
import { failureOf, senderOf } from '../../src/notify/senders.ts';
import { noMessages } from '../../src/report/report.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { SmtpReceiver } from '../servers/smtp-receiver.ts';
import { quiet, settingsFor, targetOf } from './notify-rig.ts';

const certificates = makeCertificates();
const folder = mkdtempSync(join(tmpdir(), 'mailhaul-email-'));
const tlsCaFile = join(folder, 'ca.pem');
writeFileSync(tlsCaFile, certificates.ca);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function receiver(...args: Parameters<typeof SmtpReceiver.start>): Promise<SmtpReceiver> {
  const server = await SmtpReceiver.start(args[0], { certificates, ...args[1] });
  ends.push(() => server.close());
  return server;
}

const envelope = { from: 'mailhaul@example.com', to: ['ops@example.com', 'boss@example.com'] };
const login = { user: 'mailhaul', password: 'smtp-secret' };

function mailTo(port: number, more: object = {}) {
  return targetOf({ kind: 'email', host: '127.0.0.1', port, ...envelope, tlsCaFile, ...more });
}

const nasty = 'eve\r\nBcc: x@y.example\u001b[31m<script>alert(1)</script>';

function about(account: string): Notification {
  const at = Date.UTC(2026, 10, 22, 3);
  const told = { account, group: 'wave-1', run: 'r1', at };
  const entries: OutboxEntry[] = [
    {
      id: '1-1',
      number: 1,
      event: { what: 'ended', ...told, state: 'failed', messages: noMessages },
      code: 'credentials-refused',
      states: {},
    },
  ];
  return notificationOf(
    { name: 'mail', target: mailTo(25), dashboard: 'https://mail.example/haul/', at, missed: 12 },
    entries,
    20,
  );
}

async function send(
  target: ReturnType<typeof mailTo>,
  account = 'alice',
  env = {},
): Promise<MailhaulError | undefined> {
  const context = { settings: settingsFor({}), env, log: quiet, signal: new AbortController().signal };
  const sender = senderOf('mail', target, { ...context, clock: { now: Date.now, wait: async () => {} } });
  return sender({ id: 'msg_abc', notification: about(account) }).then(
    () => undefined,
    (error: unknown) => failureOf('mail', error),
  );
}

test('by TLS and by STARTTLS, with a login, to all recipients', async () => {
  for (const security of ['tls', 'starttls'] as const) {
    const server = await receiver(security);
    expect(await send(mailTo(server.port, { security, ...login }))).toBe(undefined);
    const [mail] = server.received;
    expect(mail).toMatchObject({ ...envelope, secure: true, user: 'mailhaul' });
    // RFC 5322 §2.2.3: long fields are folded.
    const head = mail!.text.split('\r\n\r\n')[0]!.replace(/\r\n /g, ' ');
    for (const line of [
      'Auto-Submitted: auto-generated',
      'Message-ID: <msg_abc@example.com>',
      'From: mailhaul@example.com',
    ]) {
      expect(head).toContain(`${line}\r\n`);
    }
    expect(head).toContain('Subject: Mailhaul: 1 account needs a person, 1 account finished, 12 events not told');
    expect(mail!.text).toContain('- alice (wave-1): credentials-refused');
    expect(mail!.text).toContain('https://mail.example/haul/');
  }
});

test('without TLS only where the target says none', async () => {
  const server = await receiver('none');
  expect((await send(mailTo(server.port, login)))?.message).toMatch(/TLS/);
  expect((await send(mailTo(server.port, { security: 'tls', ...login })))?.code).toBe('notification-failed');
  expect(server.received).toEqual([]);
  expect(await send(mailTo(server.port, { security: 'none', ...login }))).toBe(undefined);
  expect(server.received).toMatchObject([{ secure: false, user: 'mailhaul' }]);
});

test('a certificate that nobody vouches for ends it before the login', async () => {
  for (const security of ['tls', 'starttls'] as const) {
    const server = await receiver(security);
    expect((await send(mailTo(server.port, { security, ...login, tlsCaFile: undefined })))?.message).toMatch(
      /certificate/,
    );
    expect(server.received).toEqual([]);
  }
});

test('a refused login is told without the password, in whatever form the server quotes it', async () => {
  const server = await receiver('tls');
  const error = await send(mailTo(server.port, { security: 'tls', user: 'mailhaul', password: 'env:PW' }), 'alice', {
    PW: 'cAnArY-p@ssword',
  });
  expect(error?.message).toContain('5.7.8 no: mailhaul [secret] [secret] [secret] [secret]');
  expect(error?.message).not.toMatch(/canary/i);
  const open = await receiver('none', { login: false });
  expect((await send(mailTo(open.port, { security: 'none', ...login })))?.code).toBe('notification-failed');
  expect(open.received).toEqual([]);
});

test('one recipient that is refused keeps nobody else from the message', async () => {
  const server = await receiver('none', { login: false });
  const to = ['nobody@example.com', 'ops@example.com'];
  expect(await send(mailTo(server.port, { security: 'none', to }))).toBe(undefined);
  expect(server.received.map((mail) => mail.to)).toEqual([['ops@example.com']]);
  expect((await send(mailTo(server.port, { security: 'none', to: to.slice(0, 1) })))?.message).toMatch(/no such user/);
});

test('no text of an account becomes a header, markup or an escape', async () => {
  const server = await receiver('none', { login: false });
  expect(await send(mailTo(server.port, { security: 'none' }), nasty)).toBe(undefined);
  const [{ text, to }] = server.received as [(typeof server.received)[number]];
  const [head = '', ...parts] = text.split('\r\n\r\n');
  expect(to).toEqual(envelope.to);
  expect(head).not.toMatch(/eve\b|Bcc/i);
  expect(text).not.toMatch(/\r\nBcc:/i);
  const body = parts.join('\n').replace(/=\r\n/g, '');
  expect(body).not.toContain('\u001b');
  expect(body).not.toMatch(/=1B/i);
  const html = body.slice(body.indexOf('<!doctype html>'));
  expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(html).not.toContain('<script>');
});

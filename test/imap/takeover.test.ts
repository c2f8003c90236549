import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Dovecot, startDovecot } from '../../src/demo/dovecot.ts';
import { AppendChannel } from '../../src/imap/append-channel.ts';
import { type ImapEndpoint, openDoor } from '../../src/imap/door.ts';
import { MailboxClient } from '../../src/imap/mailboxes.ts';
import { takeOver } from '../../src/imap/takeover.ts';
import { type Certificates, makeCertificates } from '../servers/certificates.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { command, endpoint, errorOf, expectBytes, latch, mail, message, quick } from './imap-rig.ts';

/** The contract with imapflow: what its version must keep for the takeover to hold. */
describe('the takeover', () => {
  test('leaves none of imapflow on the socket, and imapflow without power over it', async () => {
    const imap = await ScriptedImap.start();
    const door = await openDoor(endpoint(imap.port), quick);
    const { client } = door as unknown as { client: { streamer: unknown; usable: boolean } };
    const socket = takeOver(door);
    expect(socket.listenerCount('data')).toBe(0);
    for (const event of ['timeout', 'tlsClientError']) expect(socket.listenerCount(event)).toBe(0);
    expect(socket.listeners('error')).toHaveLength(1);
    expect(socket.isPaused()).toBe(true);
    expect(socket.timeout).toBe(0);
    expect(client.usable).toBe(false);
    const heard = new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))));
    socket.write('x1 NOOP\r\n');
    socket.resume();
    expect(await heard).toBe('x1 OK done\r\n');
    expect(imap.connections[0]!.commands.at(-1)).toBe('x1 NOOP');
    socket.destroy();
    await imap.stop();
  });

  test('survives half a line that imapflow has already taken', async () => {
    const imap = await ScriptedImap.start({
      capabilitiesBefore: ['IMAP4rev1'],
      answer: (text) => (/ LOGIN /.test(text) ? 'TAG OK [CAPABILITY IMAP4rev1 ID] done\r\n* OK half of ' : undefined),
      before: (text) => (/ ID /.test(text) ? 'a line\r\n' : undefined),
    });
    const channel = await AppendChannel.open(endpoint(imap.port), quick);
    expect(await channel.select('INBOX')).toMatchObject({ uidValidity: 1000 });
    channel.destroy();
    await imap.stop();
  });

  test('notices a connection that the server ended at that very moment', async () => {
    const imap = await ScriptedImap.start();
    const channel = await AppendChannel.open(endpoint(imap.port), quick);
    await imap.stop();
    expect(await errorOf(channel.select('INBOX'))).toMatchObject({
      code: 'connection-lost',
      details: { during: 'SELECT' },
    });
  });
});

describe.skipIf(!existsSync('/usr/sbin/dovecot'))('against Dovecot', () => {
  let directory: string;
  let dovecot: Dovecot;
  let certificates: Certificates;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mailhaul-imap-'));
    certificates = makeCertificates();
    const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    await writeFile(certFile, certificates.cert);
    await writeFile(keyFile, certificates.key);
    dovecot = await startDovecot({ directory, protocols: ['imap'], tls: { certFile, keyFile } });
  }, 30_000);

  afterAll(async () => {
    await dovecot?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  const at = (user: string, security: ImapEndpoint['security']): ImapEndpoint => {
    const port = security === 'tls' ? dovecot.imapsPort : dovecot.imapPort;
    return endpoint(port, { user, password: 'pw', security, tlsCa: certificates.ca });
  };

  test.each(['none', 'starttls', 'tls'] as const)('security %s: select, append, read back', async (security) => {
    const login = at(`user-${security}`, security);
    const mailboxes = await MailboxClient.connect(login, quick);
    const channel = await AppendChannel.open(login, quick);
    expect(channel.features).toMatchObject({ multiAppend: true, literal: 'plus', uidPlus: true });
    expect(await channel.select('Neu.Entwürfe & "mehr"')).toMatchObject({ missing: true });
    const path = await mailboxes.ensure('Neu/Entwürfe & "mehr"');
    expect(await channel.select(path)).toMatchObject({ path, uidNext: 1, exists: 0, readOnly: false });
    const mails = [...Array.from({ length: 40 }, (_, index) => mail(index, 5000 * (index % 4))), mail(99, 3_000_000)];
    const messages = mails.map((bytes) =>
      message(bytes, { flags: ['\\Seen'], internalDate: '04-Mar-2014 10:20:30 +0100' }),
    );
    const outcomes = await Promise.all([
      channel.append(command(messages.slice(0, 30), { path })).done,
      ...messages.slice(30).map((one) => channel.append(command([one], { path })).done),
    ]);
    const { uidValidity } = await mailboxes.status(path);
    const uids = outcomes.flatMap((one) => (one.kind === 'stored' ? one.uids : []));
    expect(outcomes.every((one) => one.kind === 'stored' && one.uidValidity === uidValidity)).toBe(true);
    expect(uids).toEqual(mails.map((_, index) => index + 1));
    for (const [index, bytes] of mails.entries()) {
      const pieces: Buffer[] = [];
      for await (const piece of (await mailboxes.message(path, index + 1))!) pieces.push(piece);
      expectBytes([Buffer.concat(pieces)], [bytes]);
    }
    const seen: number[] = [];
    for await (const { uid, size } of mailboxes.headers(path, 1, '*', 1000)) {
      expect(size).toBe(mails[uid - 1]!.length);
      seen.push(uid);
    }
    expect(seen).toEqual(uids);
    await Promise.all([channel.close(), mailboxes.close()]);
  });

  test('a command that is not closed never happened', async () => {
    const login = at('held', 'none');
    const channel = await AppendChannel.open(login, quick);
    await channel.select('INBOX');
    const called = latch();
    const fence = latch();
    const beforeClosing = () => {
      called.open();
      return fence.promise;
    };
    const handle = channel.append(command([message(mail(1)), message(mail(2))], { beforeClosing }));
    await called.promise;
    fence.fail(new Error('lost'));
    await errorOf(handle.done);
    const mailboxes = await MailboxClient.connect(login, quick);
    expect(await mailboxes.status('INBOX')).toMatchObject({ messages: 0 });
    await mailboxes.close();
  });

  test('a refusal leaves the rest of the pipeline in step', async () => {
    const channel = await AppendChannel.open(at('refused', 'none'), quick);
    await channel.select('INBOX');
    const send = (path: string, ...ids: number[]) =>
      channel.append(
        command(
          ids.map((id) => message(mail(id, 20_000))),
          { path },
        ),
      ).done;
    const outcomes = await Promise.all([
      send('INBOX', 1),
      send('Nowhere', 2, 3),
      send('INBOX', 4),
      send('Nowhere', 5),
      send('INBOX', 6),
    ]);
    expect(outcomes.map((one) => (one.kind === 'refused' ? one.responseCode : one.kind))).toEqual([
      'stored',
      'TRYCREATE',
      'stored',
      'TRYCREATE',
      'stored',
    ]);
    await channel.close();
  });

  test('a wrong password is a refused credential; a certificate of nobody is not trusted', async () => {
    const wrong = { ...at('ann', 'tls'), password: 'not-this' };
    const error = await errorOf(AppendChannel.open(wrong, quick));
    expect(error).toMatchObject({ code: 'credentials-refused' });
    expect(error.message).not.toContain('not-this');
    const { tlsCa: _ca, ...untrusted } = at('ann', 'starttls');
    await vi.waitFor(async () =>
      expect(await errorOf(AppendChannel.open(untrusted, quick))).toMatchObject({ code: 'tls-unverified' }),
    );
  });
});

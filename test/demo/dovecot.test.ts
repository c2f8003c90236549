import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BareSocket } from '../../src/demo/bare-socket.ts';
import { type Dovecot, startDovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { realMail } from '../../src/demo/real-mail.ts';
import { madeMail } from '../servers/made-mail.ts';
import { all, compareMailboxes, mailboxContents, popContents, popList } from '../servers/witness.ts';

let directory: string;
let server: Dovecot;
const at = (port: number, user: string, password = 'pw') => ({ port, user, password });

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
  server = await startDovecot({ directory: join(directory, 'both'), protocols: ['pop3', 'imap'] });
});

afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('a Dovecot that was started by hand', () => {
  it('shows delivered messages by POP3 and IMAP, byte by byte, in the order of delivery', async () => {
    const made = madeMail();
    expect(await deliver({ server, user: 'made' }, made)).toBe(made.length);
    const { count, uidls } = await popList(at(server.popPort, 'made'));
    expect(count).toBe(made.length);
    expect(new Set(uidls).size).toBe(made.length);
    const same = { source: count, destination: count, exact: count, missing: 0, absent: 0, extra: 0, doubled: 0 };
    expect(await compareMailboxes(made, popContents(at(server.popPort, 'made')))).toEqual(same);
    expect(await compareMailboxes(made, mailboxContents(at(server.imapPort, 'made')))).toEqual(same);
    const popped: Buffer[] = [];
    for await (const { bytes } of popContents(at(server.popPort, 'made'))) popped.push(bytes);
    const plain = made.findIndex(({ name }) => name === 'leading-dots');
    expect(popped[plain]).toEqual(made[plain]!.bytes);
  });

  it('believes the sizes in the file names: LIST gives the octets that RETR sends', async () => {
    const messages = madeMail();
    await deliver({ server, user: 'sizes' }, messages);
    const socket = await BareSocket.connect(server.popPort);
    socket.write('USER sizes\r\nPASS pw\r\nLIST\r\n');
    for (let line = 0; line < 4; line += 1) await socket.line();
    const listed: number[] = [];
    for (let line = await socket.line(); line !== '.'; line = await socket.line())
      listed.push(Number(line.split(' ')[1]));
    socket.close();
    const sent: number[] = [];
    for await (const { bytes } of popContents(at(server.popPort, 'sizes'))) sent.push(bytes.length);
    const unequal = messages.map(({ name }, index) => ({ name, listed: listed[index], sent: sent[index] }));
    // RETR ends every message with CRLF, LIST counts what is stored.
    expect(unequal.filter(({ listed, sent }) => listed !== sent && listed !== sent! - 2)).toEqual([]);
  });

  it('keeps mail, mailboxes and unique ids over an orderly restart and over a kill', async () => {
    const internalDate = new Date('2014-03-04T09:25:30Z');
    await deliver({ server, user: 'kept' }, [{ bytes: Buffer.from('Subject: a\n\nb\n'), internalDate, seen: true }]);
    const before = await popList(at(server.popPort, 'kept'));
    const pid = server.pid;
    await server.restart();
    expect(server.pid).not.toBe(pid);
    await server.kill();
    await expect(BareSocket.connect(server.popPort)).rejects.toThrow('ECONNREFUSED');
    await server.restart();
    expect(await popList(at(server.popPort, 'kept'))).toEqual(before);
    const [message] = await all(mailboxContents(at(server.imapPort, 'kept')));
    expect(message).toMatchObject({
      mailbox: 'INBOX',
      flags: ['\\Seen'],
      bytes: Buffer.from('Subject: a\r\n\r\nb\r\n'),
    });
    expect(new Date(message!.internalDate)).toEqual(internalDate);
    expect(await server.doveadm(['mailbox', 'list', '-u', 'kept'])).toContain('Sent');
  });

  it('stands many sessions at once', async () => {
    const sockets = await Promise.all(Array.from({ length: 120 }, () => BareSocket.connect(server.popPort)));
    for (const socket of sockets) socket.write('USER busy\r\nPASS pw\r\nSTAT\r\n');
    const answers = sockets.map((socket) => socket.until(Buffer.from('\r\n+OK 0 0\r\n')));
    expect(await Promise.all(answers)).toHaveLength(120);
    for (const socket of sockets) socket.close();
  });

  it('refuses a wrong password at once', async () => {
    await expect(popList(at(server.popPort, 'made', 'wrong'))).rejects.toThrow(/AUTH|failed/i);
  });

  it('takes thousands of real messages', async () => {
    const count = await deliver({ server, user: 'real' }, realMail());
    expect(count).toBe(6046);
    const sides = await compareMailboxes(realMail(), popContents(at(server.popPort, 'real')));
    expect(sides).toEqual({
      source: count,
      destination: count,
      exact: count,
      missing: 0,
      absent: 0,
      extra: 0,
      doubled: 0,
    });
  });

  it('leaves no process and no sockets behind, and says why it cannot start', async () => {
    const second = await startDovecot({ directory: join(directory, 'second'), protocols: ['imap'] });
    const sockets = /base_dir = (.*)/.exec(readFileSync(join(second.directory, 'dovecot.conf'), 'utf8'))![1]!;
    expect(statSync(sockets).isDirectory()).toBe(true);
    const client = await BareSocket.connect(second.imapPort);
    await client.line();
    await second.stop();
    await expect(client.until(Buffer.from('never'))).rejects.toThrow(/closed|ECONNRESET/);
    await expect(BareSocket.connect(second.imapPort)).rejects.toThrow('ECONNREFUSED');
    expect(() => statSync(sockets)).toThrow('ENOENT');
    const broken = startDovecot({
      directory: join(directory, 'broken'),
      protocols: ['imap'],
      extra: 'no_such_setting = 1',
    });
    await expect(broken).rejects.toThrow('no_such_setting');
  }, 10_000);
});

describe('its options', () => {
  it('give other passwords, another storage, other capabilities and other mailboxes', async () => {
    const other = await startDovecot({
      directory: join(directory, 'other'),
      protocols: ['imap'],
      storage: 'mdbox',
      users: { 'a@example.com': 'p:w " 1', b: '2' },
      imapCapability: 'IMAP4rev1 UIDPLUS',
      specialUse: ['Archive'],
    });
    try {
      const socket = await BareSocket.connect(other.imapPort);
      socket.write('a LOGIN a@example.com "p:w \\" 1"\r\nb CAPABILITY\r\nc LIST "" *\r\n');
      const answer = (await socket.until(Buffer.from('\r\nc OK'))).toString('latin1');
      socket.close();
      expect(answer).toContain('\r\n* CAPABILITY IMAP4rev1 UIDPLUS\r\n');
      expect(answer).toContain('\\Archive');
      expect(answer).not.toContain('\\Sent');
      await expect(all(mailboxContents(at(other.imapPort, 'b', '1')))).rejects.toThrow('AUTHENTICATIONFAILED');
      expect(await all(mailboxContents(at(other.imapPort, 'b', '2')))).toEqual([]);
      await expect(deliver({ server: other, user: 'b' }, [])).rejects.toThrow('Maildir');
    } finally {
      await other.stop();
    }
  });

  it('give TLS at once and by STARTTLS', async () => {
    const [keyFile, certFile] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    execFileSync('openssl', [...request, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' });
    const secure = await startDovecot({
      directory: join(directory, 'tls'),
      protocols: ['pop3', 'imap'],
      tls: { certFile, keyFile },
    });
    try {
      for (const [port, greeting] of [
        [secure.popsPort, '+OK'],
        [secure.imapsPort, '* OK'],
      ] as const) {
        const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: readFileSync(certFile) });
        const [data] = await once(socket, 'data');
        expect(String(data)).toContain(greeting);
        socket.destroy();
      }
      for (const [port, capability] of [
        [secure.popPort, 'CAPA'],
        [secure.imapPort, 'a CAPABILITY'],
      ] as const) {
        const socket = createConnection({ port, host: '127.0.0.1' });
        await once(socket, 'data');
        socket.write(`${capability}\r\n`);
        const [data] = await once(socket, 'data');
        expect(String(data)).toMatch(/STLS|STARTTLS/);
        socket.destroy();
      }
    } finally {
      await secure.stop();
    }
  });
});

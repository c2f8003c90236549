import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { networkProbe } from '../../../src/accounts/discovery/probe.ts';
import type { ProbeTarget } from '../../../src/accounts/discovery/seams.ts';
import { type Dovecot, startDovecot } from '../../../src/demo/dovecot.ts';
import { directTransport } from '../../../src/transport/transport.ts';
import { type Certificates, makeCertificates } from '../../servers/certificates.ts';

let certificates: Certificates;
let directory: string;
let dovecot: Dovecot;

beforeAll(async () => {
  certificates = makeCertificates('DNS:mail.example.test,DNS:example.test');
  directory = await mkdtemp(join(tmpdir(), 'mailhaul-probe-'));
  const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  await writeFile(certFile, certificates.cert);
  await writeFile(keyFile, certificates.key);
  const extra = 'auth_mechanisms = plain login cram-md5';
  dovecot = await startDovecot({ directory, protocols: ['pop3', 'imap'], tls: { certFile, keyFile }, extra });
}, 60_000);

afterAll(async () => {
  await dovecot?.kill();
  if (directory) await rm(directory, { recursive: true, force: true });
});

/** Looks at a port of this machine, whatever host it is said to be. */
function look(target: Partial<ProbeTarget> & { port: number }, more: { timeoutMs?: number; ca?: string } = {}) {
  const dns = { addresses: async (host: string) => (host === 'missing.test' ? [] : ['127.0.0.1']) };
  const probe = networkProbe({
    dns,
    transportOf: async () => directTransport,
    timeoutMs: 30_000,
    ca: certificates.ca,
    ...more,
  });
  return probe.look({ protocol: 'imap', host: 'mail.example.test', security: 'tls', domain: undefined, ...target });
}

describe('a real Dovecot', () => {
  it.each([
    ['pop3', 'tls', 'popsPort', ['CRAM-MD5', 'LOGIN', 'PLAIN', 'USER']],
    ['pop3', 'starttls', 'popPort', ['CRAM-MD5', 'LOGIN', 'PLAIN', 'USER']],
    ['imap', 'tls', 'imapsPort', ['CRAM-MD5', 'LOGIN', 'PLAIN']],
    ['imap', 'starttls', 'imapPort', ['CRAM-MD5', 'LOGIN', 'PLAIN']],
  ] as const)('is seen over %s with %s, and nobody logs in', async (protocol, security, port, mechanisms) => {
    const proof = await look({ protocol, security, port: dovecot[port] });
    expect(proof.certificateName).toBe('mail.example.test');
    expect([...proof.mechanisms].sort()).toEqual(mechanisms);
    expect(await readFile(join(directory, 'dovecot.log'), 'utf8')).not.toMatch(/Login:|auth failed/);
  });

  it('whose certificate is of another authority, or for another name, does not verify', async () => {
    const other = makeCertificates('DNS:mail.example.test');
    for (const [security, port] of [
      ['tls', dovecot.imapsPort],
      ['starttls', dovecot.imapPort],
    ] as const) {
      await expect(look({ security, port }, { ca: other.ca })).rejects.toMatchObject({ code: 'tls-unverified' });
      await expect(look({ security, port, host: 'other.test' })).rejects.toMatchObject({ code: 'tls-unverified' });
      await expect(look({ security, port, host: '127.0.0.1' })).rejects.toMatchObject({ code: 'tls-unverified' });
    }
  });

  it('whose certificate is for the domain whose SRV record led here is told apart', async () => {
    const target = { host: 'srv.hoster.test', port: dovecot.imapsPort };
    expect(await look({ ...target, domain: 'example.test' })).toMatchObject({ certificateName: 'example.test' });
    await expect(look({ ...target, domain: 'third.test' })).rejects.toMatchObject({ code: 'tls-unverified' });
  });

  it('that speaks the other protocol is not taken for it', async () => {
    await expect(look({ protocol: 'pop3', port: dovecot.imapsPort })).rejects.toMatchObject({ code: 'protocol-error' });
    await expect(look({ protocol: 'imap', security: 'starttls', port: dovecot.popPort })).rejects.toMatchObject({
      code: 'protocol-error',
    });
  });

  it('asked for TLS on a plain port, or the other way round, fails', async () => {
    await expect(look({ port: dovecot.imapPort })).rejects.toMatchObject({ code: 'tls-failed' });
    await expect(look({ security: 'starttls', port: dovecot.imapsPort }, { timeoutMs: 3000 })).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:server-silent|connection-lost|protocol-error)$/),
    });
  });
});

describe('a server of the worse kind', () => {
  let server: Server | undefined;
  const heard: string[] = [];
  const sockets = new Set<Socket>();

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    heard.length = 0;
    server?.close();
  });

  /** A server that greets, and answers each command as told; `TLS` in an answer begins TLS. Returns its port. */
  async function serve(greeting: string, answers: Record<string, string> = {}, secure = false): Promise<number> {
    const secureContext = createSecureContext({ cert: certificates.cert, key: certificates.key });
    const talk = (socket: Socket) => {
      socket
        .on('error', () => {})
        .on('data', (data) => {
          const command = String(data).trim();
          heard.push(command);
          const answer = answers[command.replace(/^[abc] /, '')] ?? '';
          socket.write(answer.replace('<TLS>', ''));
          if (answer.includes('<TLS>')) {
            socket.removeAllListeners('data');
            talk(new TLSSocket(socket, { isServer: true, secureContext }));
          }
        });
    };
    server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      const start = secure ? new TLSSocket(socket, { isServer: true, secureContext }) : socket;
      talk(start);
      start.write(greeting);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  const pop = { protocol: 'pop3', security: 'starttls' } as const;
  const imap = { protocol: 'imap', security: 'starttls' } as const;

  it('that injects plain text behind the answer to STARTTLS is refused (CVE-2011-0411)', async () => {
    const stls = await serve('+OK\r\n', { STLS: '+OK go\r\n+OK evil\r\n<TLS>' });
    await expect(look({ ...pop, port: stls })).rejects.toMatchObject({ code: 'starttls-injected' });
    expect(heard).toEqual(['STLS']);
    server?.close();
    const starttls = await serve('* OK\r\n', { STARTTLS: 'a OK go\r\n* CAPABILITY evil\r\n<TLS>' });
    await expect(look({ ...imap, port: starttls })).rejects.toMatchObject({ code: 'starttls-injected' });
  });

  it('that has no STARTTLS is left, and hears nothing more', async () => {
    await expect(look({ ...pop, port: await serve('+OK\r\n', { STLS: '-ERR what?\r\n' }) })).rejects.toMatchObject({
      code: 'starttls-missing',
    });
    server?.close();
    await expect(
      look({ ...imap, port: await serve('* OK\r\n', { STARTTLS: 'a BAD what?\r\n' }) }),
    ).rejects.toMatchObject({ code: 'starttls-missing' });
    expect(heard).toEqual(['STLS', 'a STARTTLS']);
  });

  it('that turns everybody away, or knows no CAPA, speaks the protocol all the same', async () => {
    expect(await look({ protocol: 'pop3', port: await serve('-ERR [SYS/TEMP] busy\r\n', {}, true) })).toMatchObject({
      mechanisms: [],
    });
    server?.close();
    const old = await serve('+OK hello <1.2@old.test>\r\n', { CAPA: '-ERR unknown\r\n' }, true);
    expect(await look({ protocol: 'pop3', port: old })).toMatchObject({ mechanisms: ['USER', 'APOP'] });
    server?.close();
    expect(await look({ protocol: 'imap', port: await serve('* BYE busy\r\n', {}, true) })).toMatchObject({
      mechanisms: [],
    });
  });

  it('with mechanisms that are no names of mechanisms lists the others', async () => {
    const capabilities =
      '* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN AUTH=\u001b[2J AUTH=x!y AUTH=XOAUTH2\r\nb OK\r\n';
    const port = await serve('* OK hi\r\n', { CAPABILITY: capabilities }, true);
    expect(await look({ port })).toMatchObject({ mechanisms: ['PLAIN', 'XOAUTH2'] });
    server?.close();
    const capa = `+OK\r\nUSER\r\nSASL PLAIN ${'x'.repeat(30)} plain\r\n.\r\n`;
    expect(await look({ protocol: 'pop3', port: await serve('+OK\r\n', { CAPA: capa }, true) })).toMatchObject({
      mechanisms: ['USER', 'PLAIN'],
    });
  });

  it('that says far too much, or something else, or nothing, is given up', async () => {
    await expect(look({ port: await serve('* OK '.padEnd(100_000, 'x'), {}, true) })).rejects.toMatchObject({
      code: 'protocol-error',
    });
    server?.close();
    const web = await serve('HTTP/1.1 400 Bad\u001b[2J Request\r\n\r\n', {}, true);
    const error = await look({ port: web }).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'protocol-error', message: expect.not.stringContaining('\u001b') });
    server?.close();
    await expect(look({ port: await serve('', {}, true) }, { timeoutMs: 3000 })).rejects.toMatchObject({
      code: 'server-silent',
    });
    server?.close();
    await expect(look({ port: await serve('') }, { timeoutMs: 3000 })).rejects.toMatchObject({ code: 'tls-failed' });
  });

  it('that is not there is named so', async () => {
    const port = await serve('* OK\r\n');
    server?.close();
    await once(server!, 'close');
    await expect(look({ port })).rejects.toMatchObject({
      code: 'connection-refused',
      details: { reason: expect.stringContaining('ECONNREFUSED') },
    });
    await expect(look({ port, host: 'missing.test' })).rejects.toMatchObject({ code: 'host-unknown' });
  });
});

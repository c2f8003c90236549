/** What both clients make of a server's TLS, and of its faults. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { openDoor } from '../../src/imap/door.ts';
import { PopClient } from '../../src/pop3/client.ts';
import { plainDigits } from '../../src/transport/tls.ts';
import { directTransport, type Transport } from '../../src/transport/transport.ts';
import { endpoint as imapEndpoint, quick } from '../imap/imap-rig.ts';
import { options, endpoint as popEndpoint } from '../pop3/sessions.ts';
import { fingerprintOf, makeCertificates, makeSelfSigned } from '../servers/certificates.ts';
import { type PlainOrTlsServer, startServer } from '../servers/tls-server.ts';

const good = makeCertificates();
const other = makeCertificates();
const misnamed = makeCertificates('DNS:mail.example');
const selfSigned = makeSelfSigned();
const expired = makeSelfSigned(-1);
const ancient = makeSelfSigned(2, true);
const sides = ['pop', 'imap'] as const;
type Side = (typeof sides)[number];

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(side: Side, tls?: TlsOptions): Promise<PlainOrTlsServer> {
  const server = await startServer(side, tls);
  ends.push(() => server.close());
  return server;
}

interface How {
  security?: 'tls' | 'starttls' | 'none';
  host?: string;
  tlsCa?: string;
  transport?: Partial<Transport>;
  timeoutMs?: number;
}

/** Logs in as far as it goes: that is all the servers here can do. */
async function logIn(side: Side, port: number, how: How): Promise<void> {
  const { security = 'tls', host = '127.0.0.1', tlsCa, timeoutMs = 20_000 } = how;
  const where = { security, host, tlsCa, transport: { ...directTransport, ...how.transport } };
  if (side === 'imap') {
    const limits = { ...quick, imapConnectTimeoutMs: timeoutMs, imapLoginTimeoutMs: timeoutMs };
    (await openDoor(imapEndpoint(port, where), limits)).client.close();
  } else {
    const limits = options({ popConnectTimeoutMs: timeoutMs });
    (await PopClient.connect(popEndpoint({ port }, where), limits)).destroy();
  }
}

async function faultOf(side: Side, port: number, how: How): Promise<MailhaulError> {
  const thrown = await logIn(side, port, how).catch((error) => error);
  expect(thrown).toBeInstanceOf(MailhaulError);
  expect(thrown.message).not.toMatch(/\{\w+\}/);
  return thrown;
}

describe.each(sides)('%s: a certificate', (side) => {
  it.each([
    ['that has expired', expired, {}, /expired/],
    ['that signed itself', selfSigned, {}, /self.signed/],
    ['of an unknown authority', good, {}, /unable to (?:get|verify)/],
    ['of another authority', good, { tlsCa: other.ca }, /unable to (?:get|verify)/],
    ['for another name', misnamed, { tlsCa: misnamed.ca }, /altnames|not in the cert/],
  ])('%s: nothing is said to it', async (_what, { key, cert }, how, reason) => {
    const server = await serve(side, { key, cert });
    const error = await faultOf(side, server.port, { ...how, host: 'localhost' });
    expect(error.code).toBe('tls-unverified');
    expect(error.message).toMatch(reason);
    expect(error.remedy).toMatch(/serverName .*pop_tls_ca.*pop_tls_pin/);
    expect(server.heard).toEqual([]);
  });

  it('has the name that is asked for', async () => {
    const server = await serve(side, misnamed);
    const transport = { serverName: 'mail.example' };
    await logIn(side, server.port, { tlsCa: misnamed.ca, transport });
    await logIn(side, server.port, { tlsCa: misnamed.ca, transport, host: 'localhost' });
    expect(server.greeted.map(({ name }) => name)).toEqual(['mail.example', 'mail.example']);
    const wrong = { serverName: 'pop.example' };
    const error = await faultOf(side, server.port, { tlsCa: misnamed.ca, transport: wrong });
    expect(error.code).toBe('tls-unverified');
    expect(error.message).toContain('pop.example');
  });

  it('is asked for by the name of the host, and by none at an address', async () => {
    const server = await serve(side, good);
    for (const host of ['localhost', '127.0.0.1']) await logIn(side, server.port, { tlsCa: good.ca, host });
    expect(server.greeted.map(({ name }) => name)).toEqual(['localhost', false]);
  });

  it.each([
    ['self-signed', selfSigned, {}],
    ['expired', expired, {}],
    ['for another name', misnamed, {}],
    ['good', good, { tlsCa: good.ca }],
  ])('that is %s is taken with its pin', async (_what, certificates, how) => {
    const server = await serve(side, certificates);
    const tlsPin = plainDigits(fingerprintOf(certificates));
    await logIn(side, server.port, { ...how, transport: { tlsPin } });
    expect(server.heard.length).toBeGreaterThan(0);
  });

  it.each([
    ['self-signed', selfSigned, {}],
    ['good', good, { tlsCa: good.ca }],
  ])('that is %s is refused with the pin of another, before any credential', async (_what, certificates, how) => {
    const server = await serve(side, certificates);
    const tlsPin = plainDigits(fingerprintOf(expired));
    const error = await faultOf(side, server.port, { ...how, transport: { tlsPin } });
    expect(error.code).toBe('tls-pin-mismatch');
    expect(error.message).toContain(fingerprintOf(certificates));
    expect(error.remedy).toContain(`${side}_tls_pin`);
    expect(server.heard.join('\n')).not.toMatch(/\b(?:AUTH|USER|PASS|LOGIN|AUTHENTICATE)\b/);
  });
});

describe.each(sides)('%s: a server', (side) => {
  const old: TlsOptions = { ...ancient, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };

  it('of old is spoken with only where the settings say so', async () => {
    for (const maxVersion of ['TLSv1', 'TLSv1.1'] as const) {
      const server = await serve(side, { ...old, maxVersion });
      expect((await faultOf(side, server.port, { tlsCa: ancient.ca })).code).toBe('tls-too-old');
      await logIn(side, server.port, { tlsCa: ancient.ca, transport: { minTlsVersion: 'TLSv1' } });
      expect(server.greeted.map(({ version }) => version)).toEqual([maxVersion]);
    }
    const server = await serve(side, { ...old, maxVersion: 'TLSv1' });
    const minTlsVersion = 'TLSv1.1';
    expect((await faultOf(side, server.port, { tlsCa: ancient.ca, transport: { minTlsVersion } })).code).toBe(
      'tls-too-old',
    );
  });

  it('with a key of old', async () => {
    const server = await serve(side, { ...ancient, ciphers: 'DEFAULT@SECLEVEL=0' });
    expect((await faultOf(side, server.port, { tlsCa: ancient.ca })).code).toBe('tls-too-old');
    await logIn(side, server.port, { tlsCa: ancient.ca, transport: { minTlsVersion: 'TLSv1.1' } });
  });

  it('is not spoken with where the settings ask for more', async () => {
    const server = await serve(side, { ...good, maxVersion: 'TLSv1.2' });
    await logIn(side, server.port, { tlsCa: good.ca });
    expect((await faultOf(side, server.port, { tlsCa: good.ca, transport: { minTlsVersion: 'TLSv1.3' } })).code).toBe(
      'tls-too-old',
    );
  });

  it('speaks plain text where TLS is expected', async () => {
    const server = await serve(side);
    const error = await faultOf(side, server.port, {});
    expect(error.code).toBe('tls-not-spoken');
    expect(error.remedy).toContain('starttls');
  });

  it.each(['starttls', 'none'] as const)('speaks TLS where %s is expected', async (security) => {
    const server = await serve(side, good);
    const error = await faultOf(side, server.port, { security, timeoutMs: 600 });
    expect(error.code).toBe('greeting-missing');
    expect(error.remedy).toContain('security tls');
    expect(server.heard).toEqual([]);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('asks for a client certificate with %s', async (version) => {
    const asking = { ...good, ca: selfSigned.ca, requestCert: true, rejectUnauthorized: true };
    const server = await serve(side, { ...asking, minVersion: version, maxVersion: version });
    const none = await faultOf(side, server.port, { tlsCa: good.ca });
    const wrong = await faultOf(side, server.port, { tlsCa: good.ca, transport: { clientCertificate: expired } });
    // Node cuts the connection without a word where it does not trust what it was shown.
    expect(['tls-client-refused', 'tls-failed', 'connection-lost']).toContain(none.code);
    expect(['tls-client-refused', 'tls-failed', 'connection-lost']).toContain(wrong.code);
    await logIn(side, server.port, { tlsCa: good.ca, transport: { clientCertificate: selfSigned } });
    expect(server.greeted.map(({ client }) => client)).toEqual([fingerprintOf(selfSigned)]);
  });

  it('closes, resets, or says nothing, in the middle of the handshake', async () => {
    const sockets: Socket[] = [];
    let how: 'closes' | 'resets' | 'waits' = 'closes';
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      if (how === 'closes') socket.once('data', () => socket.destroy());
      if (how === 'resets') socket.once('data', () => socket.resetAndDestroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    expect((await faultOf(side, port, {})).code).toBe('tls-failed');
    how = 'resets';
    expect((await faultOf(side, port, {})).code).toMatch(/^(?:tls-failed|connection-lost)$/);
    how = 'waits';
    expect((await faultOf(side, port, { timeoutMs: 60 })).code).toMatch(/^(?:tls-failed|connect-timeout)$/);
  });
});

/** Every way to reach a server, in one list and one run: TLS by authority and by pin, proxies, addresses, old TLS. */
import { readdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { type Delivery, deliver } from '../../src/demo/maildir.ts';
import { realMail } from '../../src/demo/real-mail.ts';
import { type Certificates, fingerprintOf, makeCertificates, makeSelfSigned } from '../servers/certificates.ts';
import { ProxyServer } from '../servers/proxy.ts';
import { all, compareMailboxes } from '../servers/witness.ts';
import { expectReport, expectUntouched, filesWith, HaulRig, type Row } from './haul-rig.ts';

const each = 6;
const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some((a) => a.address === '::1'));
const addresses = ['127.0.0.1', '127.0.0.3', ...(hasIpv6 ? ['::1'] : [])];

const proxyPassword = 'cAnArY-of-the-proxy';
const wrongPassword = 'cAnArY-of-no-proxy';

let rig: HaulRig;
/** Ordinary; asks for client certificates; speaks TLS 1.0 and 1.1 only. Each is source and destination. */
let usual: Dovecot;
let strict: Dovecot;
let ancient: Dovecot;
let socks: ProxyServer;
let http: ProxyServer;
let rows: Row[];
const mail = new Map<string, Delivery[]>();

async function dovecotWith(name: string, certificates: Certificates, extra: string): Promise<Dovecot> {
  const certFile = await rig.file(`${name}.pem`, certificates.cert);
  const keyFile = await rig.file(`${name}.key`, certificates.key);
  return rig.dovecot({ protocols: ['pop3', 'imap'], tls: { certFile, keyFile }, extra });
}

/** Both sides of one user at one server, by the same way; more columns go by their names without `pop_` and `imap_`. */
function way(id: string, server: Dovecot, host: string, security: 'tls' | 'starttls', more: Row = {}): Row {
  const side = (prefix: 'pop' | 'imap', port: number, tlsPort: number, user: string): Row => ({
    [`${prefix}_host`]: host,
    [`${prefix}_port`]: security === 'tls' ? tlsPort : port,
    [`${prefix}_security`]: security,
    [`${prefix}_user`]: user,
    [`${prefix}_password`]: 'pw',
    ...Object.fromEntries(Object.entries(more).map(([name, value]) => [`${prefix}_${name}`, value])),
  });
  const from = side('pop', server.popPort, server.popsPort, `${id}-from`);
  return { id, ...from, ...side('imap', server.imapPort, server.imapsPort, `${id}-to`) };
}

/** The files of a user's Maildir. */
async function stored(server: Dovecot, user: string): Promise<{ bytes: Buffer }[]> {
  const folder = join(server.mailRoot, user, 'Maildir');
  const found = await Promise.all(
    ['new', 'cur'].map(async (part) => {
      const names = await readdir(join(folder, part)).catch(() => []);
      return Promise.all(names.map(async (name) => ({ bytes: await readFile(join(folder, part, name)) })));
    }),
  );
  return found.flat();
}

beforeAll(async () => {
  rig = await HaulRig.make();
  const good = makeCertificates('DNS:mail.example.com,DNS:localhost,IP:127.0.0.3,IP:::1');
  const client = makeCertificates();
  await rig.file('client.pem', client.cert);
  await rig.file('client.key', client.key);
  const clientCa = await rig.file('client-ca.pem', client.ca);
  const ca = await rig.file('ca.pem', good.ca);
  const old = makeSelfSigned(2, true);
  const opensslFile = await rig.file(
    'openssl.cnf',
    'openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = TLSv1.1\nCipherString = DEFAULT@SECLEVEL=0\n',
  );
  usual = await dovecotWith('usual', good, `listen = ${addresses.join(', ')}`);
  const asks = ['ssl_verify_client_cert = yes', 'auth_ssl_require_client_cert = yes', 'ssl_require_crl = no'];
  strict = await dovecotWith('strict', good, [`ssl_ca = <${clientCa}`, ...asks].join('\n'));
  const lax = ['ssl_min_protocol = TLSv1', 'ssl_cipher_list = DEFAULT@SECLEVEL=0'];
  ancient = await dovecotWith('ancient', old, [...lax, `import_environment = OPENSSL_CONF=${opensslFile}`].join('\n'));
  // Only the proxies know these hosts.
  socks = await ProxyServer.start({
    kind: 'socks5',
    login: { user: 'mailhaul', password: proxyPassword },
    names: { 'mail.socks.invalid': '127.0.0.1' },
  });
  rig.atEnd(() => socks.close());
  http = await ProxyServer.start({ kind: 'http', names: { 'mail.http.invalid': '127.0.0.1' } });
  rig.atEnd(() => http.close());
  await rig.file('proxy-password', proxyPassword);
  const pin = { tls_pin: fingerprintOf(good) };
  rows = [
    way('tls-ca', usual, 'localhost', 'tls', { tls_ca: ca }),
    way('tls-pin', usual, '127.0.0.1', 'tls', pin),
    way('starttls-ca', usual, 'localhost', 'starttls', { tls_ca: ca }),
    way('starttls-pin', usual, '127.0.0.1', 'starttls', { tls_pin: fingerprintOf(good).replaceAll(':', '') }),
    way('socks', usual, 'mail.socks.invalid', 'tls', { tls_ca: ca }),
    way('socks-starttls', usual, 'mail.socks.invalid', 'starttls', pin),
    way('http', usual, 'mail.http.invalid', 'tls', { tls_ca: ca }),
    way('http-starttls', usual, 'mail.http.invalid', 'starttls', { tls_ca: ca }),
    way('source-address', usual, '127.0.0.3', 'tls', { tls_ca: ca }),
    ...(hasIpv6 ? [way('ipv6', usual, '::1', 'tls', { tls_ca: ca })] : []),
    way('client-certificate', strict, 'localhost', 'tls', { tls_ca: ca }),
    way('client-certificate-starttls', strict, 'localhost', 'starttls', { tls_ca: ca }),
    way('old-tls', ancient, '127.0.0.1', 'tls', { tls_pin: fingerprintOf(old) }),
    way('old-starttls', ancient, '127.0.0.1', 'starttls', { tls_pin: fingerprintOf(old) }),
  ];
  const messages = await all(realMail({ limit: rows.length * each }));
  for (const row of rows) {
    const its = messages.splice(0, each);
    mail.set(String(row['id']), its);
    await deliver({ server: serverOf(row), user: String(row['pop_user']) }, its);
  }
});

afterAll(() => rig.end());

function serverOf({ id }: Row): Dovecot {
  if (String(id).startsWith('client')) return strict;
  return String(id).startsWith('old') ? ancient : usual;
}

/** The settings without which nobody gets in; `more` adds to a host, or takes from it. */
function settings(more: Readonly<Record<string, object>> = {}): Promise<string> {
  const certificate = { tlsCertFile: join(rig.directory, 'client.pem'), tlsKeyFile: join(rig.directory, 'client.key') };
  const hosts: Record<string, object> = {
    'mail.socks.invalid': {
      proxy: `socks5://127.0.0.1:${socks.port}`,
      proxyUser: 'mailhaul',
      proxyPassword: `file:${join(rig.directory, 'proxy-password')}`,
      serverName: 'mail.example.com',
    },
    'mail.http.invalid': { proxy: `http://127.0.0.1:${http.port}`, serverName: 'mail.example.com' },
    '127.0.0.3': { localAddress: '127.0.0.2' },
    '127.0.0.1': { minTlsVersion: 'TLSv1' },
    localhost: certificate,
  };
  for (const [host, fields] of Object.entries(more)) hosts[host] = { ...hosts[host], ...fields };
  return rig.settings({ connections: JSON.stringify({ hosts }) });
}

test('without what lines and settings say nobody gets in, and each is told why', { timeout: 150_000 }, async () => {
  await settings({
    'mail.socks.invalid': { proxyPassword: wrongPassword },
    'mail.http.invalid': { serverName: null },
    '127.0.0.3': { localAddress: '192.0.2.7' },
    '127.0.0.1': { minTlsVersion: 'TLSv1.2' },
    localhost: { tlsCertFile: null, tlsKeyFile: null },
  });
  const wrongPin = fingerprintOf(makeSelfSigned());
  const wrong = rows.map((row) => {
    const id = String(row['id']);
    if (/^tls-ca|^starttls-ca|^ipv6/.test(id)) return { ...row, pop_tls_ca: '', imap_tls_ca: '' };
    return /^tls-pin|^starttls-pin/.test(id) ? { ...row, pop_tls_pin: wrongPin, imap_tls_pin: wrongPin } : row;
  });
  const { report, stdout, stderr } = await rig.sync(await rig.list(wrong));
  expect(stdout + stderr).not.toContain(wrongPassword);
  expect(await filesWith(rig.dataDir, wrongPassword)).toEqual([]);
  const codes = report.accounts.map(({ id, problems }) => [id, problems.map(({ code }) => code).join()]);
  expect(Object.fromEntries(codes)).toEqual({
    'tls-ca': 'tls-unverified',
    'tls-pin': 'tls-pin-mismatch',
    'starttls-ca': 'tls-unverified',
    'starttls-pin': 'tls-pin-mismatch',
    socks: 'proxy-refused',
    'socks-starttls': 'proxy-refused',
    http: 'tls-unverified',
    'http-starttls': 'tls-unverified',
    'source-address': 'source-address',
    ...(hasIpv6 ? { ipv6: 'tls-unverified' } : {}),
    'client-certificate': 'credentials-refused',
    'client-certificate-starttls': 'credentials-refused',
    // Dovecot closes without the alert that would say why.
    'old-tls': 'tls-failed',
    'old-starttls': 'tls-failed',
  });
  const old = report.accounts.find(({ id }) => id === 'old-tls')!;
  expect(old.problems[0]!.remedy).toContain('minTlsVersion');
  for (const row of rows) expect(await stored(serverOf(row), String(row['imap_user']))).toEqual([]);
});

test('every way leads there: all mail arrives, once', { timeout: 150_000 }, async () => {
  await settings();
  const list = await rig.list(rows);
  const ended = await rig.sync(list);
  const report = expectReport(ended);
  expect(ended.stdout + ended.stderr).not.toContain(proxyPassword);
  expect(await filesWith(rig.dataDir, proxyPassword)).toEqual([]);
  const states = report.accounts.map(({ id, state, problems }) => [id, state, problems]);
  expect(states).toEqual(rows.map(({ id }) => [id, 'complete', []]));
  expect(ended.status).toBe(0);
  for (const row of rows) {
    const there = await stored(serverOf(row), String(row['imap_user']));
    const sides = await compareMailboxes(mail.get(String(row['id']))!, there);
    expect({ id: row['id'], ...sides }).toMatchObject({ destination: each, exact: each, extra: 0, doubled: 0 });
  }
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir, '--json'];
  const verified = await rig.haul(['verify', list, ...fixed]).ended;
  expect(verified.report.accounts.map(({ state }) => state)).toEqual(rows.map(() => 'complete'));
  expect(verified.status).toBe(0);
  await expectUntouched({ port: usual.popPort, user: 'tls-ca-from', password: 'pw' }, each);
  const log = await readFile(join(usual.directory, 'dovecot.log'), 'utf8');
  const logins = log.split('\n').filter((line) => / Login: user=</.test(line) && !line.includes('secured'));
  const of = (user: string) => logins.filter((line) => line.includes(`user=<${user}>`));
  for (const user of ['source-address-from', 'source-address-to']) {
    expect(of(user).length).toBeGreaterThan(0);
    for (const line of of(user)) expect(line).toMatch(/rip=127\.0\.0\.2, lip=127\.0\.0\.3,.* TLS/);
  }
  const ports = [usual.popPort, usual.popsPort, usual.imapPort, usual.imapsPort];
  expect(new Set(socks.targets)).toEqual(new Set(ports.map((port) => `mail.socks.invalid:${port}`)));
  expect(new Set(http.targets)).toEqual(new Set(ports.map((port) => `mail.http.invalid:${port}`)));
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { connectionsSchema } from '../../src/ground/settings-connections.ts';
import { readTransport } from '../../src/transport/read-transport.ts';
import { makeCertificates } from '../servers/certificates.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-transport-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const { cert, key } = makeCertificates();
const certFile = file('client.pem', cert);
const keyFile = file('client.key', key);
const env = { PROXY_PASSWORD: 'from-env', EMPTY: '' };

function read(own: object, common: object = {}) {
  const connections = connectionsSchema.parse({ default: common, hosts: { 'a.example': own } });
  return readTransport({ connections }, 'a.example', env);
}

async function faultOf(own: object): Promise<MailhaulError> {
  const thrown = await read(own).catch((error) => error);
  expect(thrown).toBeInstanceOf(MailhaulError);
  expect(thrown.code).toBe('connection-file');
  expect(thrown.message).toContain('a.example');
  return thrown;
}

describe('the transport of a host', () => {
  it('is straight, with TLS 1.2, where nobody says more', async () => {
    expect(await read({})).toEqual({ minTlsVersion: 'TLSv1.2' });
  });

  it('has what the settings say, and its pin', async () => {
    const own = { minTlsVersion: 'TLSv1', serverName: 'b.example', localAddress: '::1' };
    expect(await read(own)).toMatchObject(own);
    const connections = connectionsSchema.parse({});
    expect(await readTransport({ connections }, 'x', env, 'ab')).toMatchObject({ tlsPin: 'ab' });
  });

  const proxy = 'http://proxy.example:3128';
  it.each([
    ['no login', { proxy }, '', ''],
    ['one in its URL', { proxy: 'http://u%40x:p%20w@proxy.example:3128' }, 'u@x', 'p w'],
    ['one beside it', { proxy, proxyUser: 'u', proxyPassword: 'p' }, 'u', 'p'],
    ['a password in a variable', { proxy, proxyUser: 'u', proxyPassword: 'env:PROXY_PASSWORD' }, 'u', 'from-env'],
    ['one in a file', { proxy, proxyUser: 'u', proxyPassword: `file:${file('pw', 'from-file\n')}` }, 'u', 'from-file'],
    ['a user without password', { proxy, proxyUser: 'u' }, 'u', ''],
  ])('has a proxy with %s', async (_what, own, user, password) => {
    expect((await read(own)).proxy).toEqual({ kind: 'http', host: 'proxy.example', port: 3128, user, password });
  });

  it('has a certificate with its key, by paths from the working directory too', async () => {
    expect((await read({ tlsCertFile: certFile, tlsKeyFile: keyFile })).clientCertificate).toEqual({ cert, key });
    const [tlsCertFile, tlsKeyFile] = [certFile, keyFile].map((path) => relative(process.cwd(), path));
    expect((await read({ tlsCertFile, tlsKeyFile })).clientCertificate).toEqual({ cert, key });
  });

  it.each([
    ['a file that is not there', { tlsCertFile: join(folder, 'none'), tlsKeyFile: keyFile }, /tlsCertFile .*ENOENT/],
    ['a key that is not there', { tlsCertFile: certFile, tlsKeyFile: join(folder, 'none') }, /tlsKeyFile .*ENOENT/],
    ['no certificate', { tlsCertFile: file('text', 'x'), tlsKeyFile: keyFile }, /tlsCertFile .*with the key/],
    ['another key', { tlsCertFile: certFile, tlsKeyFile: file('k', makeCertificates().key) }, /key values mismatch/],
    ['no variable', { proxy, proxyUser: 'u', proxyPassword: 'env:NONE' }, /proxyPassword .*variable NONE.*empty/],
    ['an empty one', { proxy, proxyUser: 'u', proxyPassword: 'env:EMPTY' }, /proxyPassword .*variable EMPTY.*empty/],
    ['an empty file', { proxy, proxyUser: 'u', proxyPassword: `file:${file('e', '\n')}` }, /proxyPassword .*empty/],
  ])('says what is wrong: %s', async (_what, own, text) => {
    expect((await faultOf(own)).message).toMatch(text);
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { MailhaulError } from '../../src/ground/errors.ts';
import { packageRoot } from '../../src/ground/package-root.ts';
import { connectionsSchema, readProxy } from '../../src/ground/settings-connections.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { connectionOf } from '../../src/transport/read-transport.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-connections-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function load(connections: string) {
  const configFile = join(folder, `settings-${files++}.yaml`);
  writeFileSync(configFile, `connections: ${connections}\n`);
  return loadSettings({ configFile, env: {}, options: {} });
}

function reasonOf(connections: string): string {
  try {
    load(connections);
  } catch (error) {
    expect((error as MailhaulError).code).toBe('settings-invalid');
    return String((error as MailhaulError).details['reason']).replace(/^.*? line 1: /, '');
  }
  throw new Error('the settings were accepted');
}

describe('connections', () => {
  it('are what the default says where nobody says more', () => {
    expect(connectionOf(load('{}'), 'a.example')).toEqual({
      minTlsVersion: 'TLSv1.2',
      serverName: null,
      proxy: null,
      proxyUser: null,
      proxyPassword: null,
      localAddress: null,
      tlsCertFile: null,
      tlsKeyFile: null,
    });
  });

  it('of a host add to the default, whatever the case of its name', () => {
    const settings = load(
      '{default: {localAddress: 192.0.2.1}, hosts: {Old.Example: {minTlsVersion: TLSv1, localAddress: null}}}',
    );
    expect(connectionOf(settings, 'old.example')).toMatchObject({ minTlsVersion: 'TLSv1', localAddress: null });
    expect(connectionOf(load('{hosts: {"[::1]": {serverName: a}}}'), '::1').serverName).toBe('a');
    expect(connectionOf(settings, 'b.example')).toMatchObject({ minTlsVersion: 'TLSv1.2', localAddress: '192.0.2.1' });
  });

  it('send the password of one proxy to no other, and show no certificate with another key', () => {
    const common = 'default: {proxy: "socks5://a:1", proxyUser: u, proxyPassword: p, tlsCertFile: c, tlsKeyFile: k}';
    const settings = load(
      `{${common}, hosts: {x: {proxy: "http://b:2"}, y: {proxy: null}, z: {tlsCertFile: d, tlsKeyFile: l}}}`,
    );
    expect(connectionOf(settings, 'x')).toEqual({ ...connectionOf(settings, 'x'), proxy: 'http://b:2' });
    expect(connectionOf(settings, 'x')).not.toHaveProperty('proxyPassword');
    expect(connectionOf(settings, 'y').proxy).toBeNull();
    expect(connectionOf(settings, 'y')).not.toHaveProperty('proxyUser');
    expect(connectionOf(settings, 'z')).toMatchObject({ proxyUser: 'u', tlsCertFile: 'd', tlsKeyFile: 'l' });
  });

  it.each([
    ['{default: {minTlsVersion: SSLv3}}', 'connections.default.minTlsVersion: expected one of'],
    ['{hosts: {a: {localAddress: localhost}}}', 'connections.hosts.a.localAddress: expected an IP address'],
    ['{hosts: {a: {serverName: "a b"}}}', 'connections.hosts.a.serverName: expected a host name'],
    ['{hosts: {a: {proxy: "ftp://b"}}}', 'connections.hosts.a.proxy: expected socks5://'],
    ['{hosts: {a: {proxy: "socks5://b/c"}}}', 'connections.hosts.a.proxy: expected socks5://'],
    ['{hosts: {a: {proxy: "b:1080"}}}', 'connections.hosts.a.proxy: expected socks5://'],
    ['{hosts: {a: {proxyUser: b}}}', 'connections.hosts.a.proxy: proxyUser and proxyPassword need a proxy'],
    ['{hosts: {a: {proxy: "http://b", proxyPassword: c}}}', 'connections.hosts.a.proxy: proxyPassword needs proxyUser'],
    ['{hosts: {a: {proxy: "http://u:p@b", proxyUser: c}}}', 'connections.hosts.a.proxy: user and password stand in'],
    ['{hosts: {a: {tlsCertFile: b}}}', 'connections.hosts.a.tlsCertFile: tlsCertFile and tlsKeyFile belong together'],
    ['{default: {tlsKeyFile: b}}', 'connections.default.tlsCertFile: tlsCertFile and tlsKeyFile belong together'],
    ['{hosts: {a: {port: 1}}}', 'connections.hosts.a: Unrecognized key'],
    ['{default: {localAddress: 1}, hosts: {a: 1}}', 'connections.default.localAddress: expected string'],
  ])('that are wrong are named: %s', (text, reason) => {
    expect(reasonOf(text)).toContain(reason);
  });

  it('never show what may be a password', () => {
    for (const text of [
      '{hosts: {a: {proxy: "socks9://u:hunter2@b"}}}',
      '{hosts: {a: {proxy: "http://u:hunter2@b", proxyUser: c}}}',
      '{hosts: {a: {prroxy: "http://u:hunter2@b"}}}',
      '{hosts: {a: {proxyPassword: hunter2}}}',
      '"http://u:hunter2@b"',
    ]) {
      expect(reasonOf(text)).not.toContain('hunter2');
    }
  });

  it('have a page whose examples are right and which names every field', () => {
    const page = readFileSync(join(packageRoot(), 'docs', 'transport.md'), 'utf8');
    const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => parse(text!));
    expect(examples.length).toBeGreaterThan(2);
    for (const { connections } of examples) expect(connectionsSchema.safeParse(connections).error).toBeUndefined();
    for (const name of Object.keys(connectionOf(load('{}'), 'a'))) expect(page).toContain(`\`${name}\``);
  });
});

describe('a proxy', () => {
  it.each([
    ['socks5://a.example', { kind: 'socks5', host: 'a.example', port: 1080, user: '', password: '' }],
    ['socks4a://10.0.0.1:9050/', { kind: 'socks4a', host: '10.0.0.1', port: 9050 }],
    ['http://[::1]:3128', { kind: 'http', host: '::1', port: 3128 }],
    ['http://proxy', { port: 80 }],
    ['socks5://u%40x:p%3A%20@b:1', { user: 'u@x', password: 'p: ' }],
  ] as const)('is read from %s', (text, place) => {
    expect(readProxy(text)).toMatchObject(place);
  });
});

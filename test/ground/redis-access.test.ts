/** Redis by TLS, by login and by sentinels: what the settings say about it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePorts } from '../../src/demo/free-ports.ts';
import { connectRedis, type RedisConnectOptions, type RedisHandle } from '../../src/ground/redis.ts';
import { checkRedisSafety } from '../../src/ground/redis-safety.ts';
import { holdsPassword, refuseIdleAccess } from '../../src/ground/redis-target.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { startRedis } from '../servers/redis.ts';
import { SentinelSet } from '../servers/sentinel.ts';
import { failure } from './failure.ts';

const limits = { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 };
const secret = 'hunter2/@:#';
let folder: string;
const cleanups: (() => unknown)[] = [];
const files = { ca: '', otherCa: '', cert: '', key: '', password: '' };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailhaul-access-'));
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const made = makeCertificates();
  files.ca = put('ca.pem', made.ca);
  files.cert = put('cert.pem', made.cert);
  files.key = put('key.pem', made.key);
  files.otherCa = put('other.pem', makeCertificates().ca);
  files.password = put('password', `${secret}\n`);
  return () => rmSync(folder, { recursive: true, force: true });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function connected(url: string | null, access: Partial<RedisConnectOptions>): Promise<RedisHandle> {
  const handle = await connectRedis(url, { ...limits, ...access });
  cleanups.push(() => handle.close());
  return handle;
}

/** A Redis that speaks TLS and nothing else. */
async function secured(...words: string[]): Promise<string> {
  const [port = 0] = await freePorts(1);
  const tls = ['--tls-port', String(port), '--tls-cert-file', files.cert, '--tls-key-file', files.key];
  const args = ['--port', '0', ...tls, '--tls-ca-cert-file', files.ca, '--save', '', ...words];
  const child: ChildProcess = spawn('redis-server', args, { stdio: 'ignore', cwd: folder });
  cleanups.push(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  return `localhost:${port}`;
}

describe('TLS to Redis', () => {
  it('is verified against the authority that is named, and works for all connections', async () => {
    const place = await secured('--tls-auth-clients', 'no');
    const handle = await connected(`rediss://${place}`, { redisTlsCaFile: files.ca });
    expect(await handle.client.ping()).toBe('PONG');
    expect(await handle.duplicate().ping()).toBe('PONG');
    expect(handle.where).toBe(`rediss://${place}`);
    const byNumber = place.replace('localhost', '127.0.0.1');
    expect(await (await connected(`rediss://${byNumber}`, { redisTlsCaFile: files.ca })).client.ping()).toBe('PONG');
    for (const access of [{}, { redisTlsCaFile: files.otherCa }]) {
      const error = await failure(
        connectRedis(`rediss://${place}`, { ...limits, ...access, redisStartTimeoutMs: 500 }),
      );
      expect(error.code).toBe('redis-unreachable');
      expect(error.message).toMatch(/certificate/);
    }
  });

  it('shows a certificate to a Redis that asks for one', async () => {
    const place = await secured('--tls-auth-clients', 'yes');
    const own = { redisTlsCaFile: files.ca, redisTlsCertFile: files.cert, redisTlsKeyFile: files.key };
    expect(await (await connected(`rediss://${place}`, own)).client.ping()).toBe('PONG');
    const without = { ...limits, redisTlsCaFile: files.ca, redisStartTimeoutMs: 500 };
    expect((await failure(connectRedis(`rediss://${place}`, without))).code).toBe('redis-unreachable');
  });
});

describe('a login at Redis', () => {
  it('comes from a file, a variable or the setting, and reaches every connection', async () => {
    const { port, kill } = await startRedis({ directory: folder });
    cleanups.push(kill);
    const admin = await connected(`redis://127.0.0.1:${port}`, {});
    await admin.client.acl('SETUSER', 'haul', 'on', `>${secret}`, '~*', '&*', '+@all');
    await admin.client.acl('SETUSER', 'default', 'off');
    for (const redisPassword of [`file:${files.password}`, 'env:SECRET', secret]) {
      const access = { redisUser: 'haul', redisPassword, env: { SECRET: secret } };
      const handle = await connected(`redis://127.0.0.1:${port}`, access);
      expect(await handle.duplicate().acl('WHOAMI')).toBe('haul');
      expect(handle.where).toBe(`redis://127.0.0.1:${port}`);
    }
    const wrong = { ...limits, redisUser: 'haul', redisPassword: `${secret}x` };
    expect((await failure(connectRedis(`redis://127.0.0.1:${port}`, wrong))).message).toContain('WRONGPASS');
  });

  it('on a command line is noticed', () => {
    expect(holdsPassword('redis://:pw@host')).toBe(true);
    expect(holdsPassword('rediss://user:pw@host:1/2')).toBe(true);
    expect(holdsPassword('unix://user:pw@/run/redis.sock')).toBe(true);
    for (const url of ['redis://host', 'redis://user@host:6379', 'unix:///a:b@c', 'redis://host/1']) {
      expect(holdsPassword(url)).toBe(false);
    }
  });
});

describe('settings that cannot be meant', () => {
  const url = 'redis://127.0.0.1:1';
  const sentinels = { redisSentinels: ['h:1'] };
  it.each<[string | null, Partial<RedisConnectOptions>, RegExp]>([
    [url, { redisTlsCaFile: '/dev/null' }, /write rediss:/],
    [url, { redisTls: true }, /rediss:/],
    ['rediss://h', { redisTlsCaFile: '/not/there' }, /redisTlsCaFile: the file \/not\/there cannot be read: ENOENT/],
    ['rediss://h', { redisTlsCertFile: '/dev/null' }, /redisTlsKeyFile belong together/],
    [url, { redisPassword: 'file:/not/there' }, /redisPassword: the file \/not\/there cannot be read/],
    [url, { redisPassword: 'env:NOT_THERE' }, /redisPassword: the variable NOT_THERE is empty/],
    [url, { redisUser: 'me' }, /redisUser needs redisPassword/],
    ['redis://:hunter2@h', { redisPassword: 'hunter2' }, /leave one out/],
    [url, { redisSentinelName: 'x' }, /redisSentinels, which is empty/],
    [url, { ...sentinels, redisSentinelName: 'x' }, /redis and redisSentinels both/],
    [null, sentinels, /needs redisSentinelName/],
    [null, { redisSentinels: ['h:99999'], redisSentinelName: 'x' }, /HOST:PORT/],
    [null, { redisSentinels: ['user:hunter2@h:1'], redisSentinelName: 'x' }, /HOST:PORT/],
    [null, { ...sentinels, redisSentinelName: 'x', redisTlsCaFile: '/dev/null' }, /redisTls or redisSentinelTls/],
    [null, {}, /redis must be/],
  ])('%s %o', async (target, access, message) => {
    const error = await failure(connectRedis(target, { ...limits, ...access, env: {} }));
    expect(error.code).toBe('settings-invalid');
    expect(error.message).toMatch(message);
  });

  it('where no Redis is named at all', () => {
    const settings = loadSettings({ env: {}, options: {} });
    expect(() => refuseIdleAccess(settings)).not.toThrow();
    expect(() => refuseIdleAccess({ ...settings, redisPassword: 'x', redisTls: true })).toThrow(
      /redisPassword, redisTls: no Redis is named/,
    );
  });

  it('shows no password of a setting that is wrong', () => {
    const load = () => loadSettings({ env: { MAILHAUL_REDIS_PASSWORD: '[hunter2]' }, options: {} });
    expect(load).not.toThrow();
    expect(() => loadSettings({ env: {}, options: { redisPassword: 7 as never } })).toThrow(/redisPassword: expected/);
  });
});

describe('a Sentinel set', () => {
  it('speaks TLS and asks for logins, of sentinels and Redis alike', async () => {
    const set = await SentinelSet.start({
      directory: mkdtempSync(join(folder, 'set-')),
      tls: files,
      password: 'hunter2',
    });
    cleanups.push(() => set.end());
    const errors = vi.spyOn(console, 'error');
    const access = { redisSentinels: set.places, redisSentinelName: set.name, redisTlsCaFile: files.ca };
    const rule = [...readFileSync('docs/redis.md', 'utf8').matchAll(/^ACL SETUSER .*$/gm)][1]![0];
    for (const port of set.sentinelPorts) await set.until(port, rule.replace('PASSWORD', 'hunter2'), /^\+OK\r\n\+OK/);
    const logins = { redisPassword: 'hunter2', redisSentinelUser: 'mailhaul', redisSentinelPassword: 'hunter2' };
    const tls = { redisTls: true, redisSentinelTls: true };
    for (const missing of [
      { ...tls, redisPassword: 'hunter2' },
      { ...logins, redisTls: true },
    ]) {
      const impatient = { ...limits, ...access, ...missing, redisStartTimeoutMs: 500 };
      expect((await failure(connectRedis(null, impatient))).code).toBe('redis-unreachable');
    }
    const handle = await connected(null, { ...access, ...tls, ...logins });
    expect(handle.where).toBe(`haul by the sentinels ${set.places.join(', ')}`);
    await handle.client.set('mh:a', 1);
    expect(await handle.duplicate().get('mh:a')).toBe('1');
    const findings = await checkRedisSafety(handle);
    expect(findings).toEqual([]);
    const master = await set.master();
    await set.signal(master, 'SIGKILL');
    const during = handle.client.set('mh:b', 2);
    await set.failedOver(master);
    expect(await during).toBe('OK');
    expect(await handle.client.get('mh:a')).toBe('1');
    expect(errors).not.toHaveBeenCalled();
    errors.mockRestore();
  });

  it('that nobody answers for fails in time, and says who was asked', async () => {
    const [port = 0] = await freePorts(1);
    const access = { redisSentinels: [`127.0.0.1:${port}`], redisSentinelName: 'haul', redisSentinelPassword: secret };
    const error = await failure(connectRedis(null, { ...limits, ...access, redisStartTimeoutMs: 300 }));
    expect(error.code).toBe('redis-unreachable');
    expect(error.message).toContain(`haul by the sentinels 127.0.0.1:${port}`);
    expect(error.message).toMatch(/All sentinels are unreachable\.(?! Retrying)/);
  });

  it('whose sentinels are all gone fails what waits after redisLostAfterMs, and closes', async () => {
    const set = await SentinelSet.start({ directory: mkdtempSync(join(folder, 'set-')) });
    const access = { redisSentinels: set.places, redisSentinelName: set.name };
    const handle = await connectRedis(null, { ...limits, ...access, redisLostAfterMs: 1000 });
    await set.end();
    expect((await failure(handle.client.get('mh:a'))).code).toBe('redis-unreachable');
    if (!handle.lost.aborted) await once(handle.lost, 'abort');
    const waiting = failure(handle.client.get('mh:a'));
    await handle.close();
    expect((await waiting).code).toBe('redis-unreachable');
    expect(handle.client.status).toBe('end');
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { beginEmbeddedRedis, type EmbeddedRedis, startEmbeddedRedis } from '../../src/ground/embedded-redis.ts';
import { packageRoot } from '../../src/ground/package-root.ts';
import { isAlive, markOf } from '../../src/ground/process-owner.ts';
import { connectRedis, type RedisHandle } from '../../src/ground/redis.ts';
import { checkRedisSafety } from '../../src/ground/redis-safety.ts';
import { failure } from './failure.ts';

const limits = { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function dataDir(name = 'mailhaul-redis-'): string {
  const path = mkdtempSync(join(tmpdir(), name));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function embedded(folder: string): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis(folder, limits);
  cleanups.push(() => redis.stop());
  return redis;
}

async function connected(url: string, options = limits): Promise<RedisHandle> {
  const handle = await connectRedis(url, options);
  cleanups.push(() => handle.close());
  return handle;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A Redis as an administrator would run it, on a port of its own. */
async function ordinary(...words: string[]): Promise<{ port: number; child: ChildProcess; url: string }> {
  return ordinaryOn(await freePort(), ...words);
}

function ordinaryOn(port: number, ...words: string[]): { port: number; child: ChildProcess; url: string } {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dataDir(), ...words];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  cleanups.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return { port, child, url: `redis://127.0.0.1:${port}` };
}

describe('the Redis of our own', () => {
  it('keeps its data over a restart, closed to others', async () => {
    const folder = dataDir();
    const first = await embedded(folder);
    const before = await connected(first.url);
    await before.client.set('key', Buffer.from([0, 255]));
    expect(statSync(join(folder, 'redis')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'redis', 'redis.sock')).mode & 0o777).toBe(0o700);
    expect(await checkRedisSafety(before)).toEqual([]);
    await before.close();
    await first.stop();
    expect(isAlive(markOf(first.pid))).toBe(false);
    expect(readdirSync(join(folder, 'redis')).sort()).toEqual(['appendonlydir', 'redis.log']);
    const second = await embedded(folder);
    const after = await connected(second.url);
    expect(await after.client.getBuffer('key')).toEqual(Buffer.from([0, 255]));
  });

  it('keeps the file short that is read at its start', async () => {
    const redis = await embedded(dataDir());
    const handle = await connected(redis.url);
    expect(await handle.client.config('GET', 'auto-aof-rewrite-min-size')).toContain(String(4 * 1024 * 1024));
    expect(await handle.client.config('GET', 'auto-aof-rewrite-percentage')).toContain('50');
  });

  it('is not shared with a second instance', async () => {
    const folder = dataDir();
    await embedded(folder);
    const error = await failure(startEmbeddedRedis(folder, limits));
    expect(error.code).toBe('instance-running');
    expect(error.message).toContain(folder);
  });

  it('starts once when two begin at the same time', async () => {
    const folder = dataDir();
    const both = await Promise.allSettled([embedded(folder), embedded(folder)]);
    expect(both.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    const refused = both.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    expect(refused).toMatchObject([{ code: 'instance-running' }]);
  });

  it('is taken over, and stopped in the end, when its owner was killed', async () => {
    const folder = dataDir();
    const module = pathToFileURL(join(packageRoot(), 'src/ground/embedded-redis.ts')).href;
    const script = `import { startEmbeddedRedis } from ${JSON.stringify(module)};
      const redis = await startEmbeddedRedis(${JSON.stringify(folder)}, ${JSON.stringify(limits)});
      console.log(redis.pid);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      cwd: packageRoot(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [pid] = (await once(owner.stdout, 'data')).map(Number);
    cleanups.push(() => isAlive(markOf(pid!)) && process.kill(pid!, 'SIGKILL'));
    expect((await failure(startEmbeddedRedis(folder, limits))).code).toBe('instance-running');
    // As Ctrl-C in a terminal does: the signal goes to the whole group of the owner, not to Redis.
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    expect(isAlive(markOf(pid!))).toBe(true);
    const redis = await embedded(folder);
    expect(redis.pid).toBe(pid);
    await redis.stop();
    expect(isAlive(markOf(pid!))).toBe(false);
  });

  it('starts where a crash left files behind', async () => {
    const folder = dataDir();
    const redis = await embedded(folder);
    const handle = await connected(redis.url);
    await handle.client.set('key', 'value');
    await handle.close();
    process.kill(redis.pid, 'SIGKILL');
    await redis.stop();
    // A number that is another process's now, and a socket that nobody serves.
    const gone = { ...markOf(process.pid), started: '1' };
    writeFileSync(join(folder, 'redis', 'owner.json'), JSON.stringify(gone));
    writeFileSync(join(folder, 'redis', 'server.json'), JSON.stringify(gone));
    writeFileSync(join(folder, 'redis', 'redis.sock'), '');
    const next = await embedded(folder);
    expect(await (await connected(next.url)).client.get('key')).toBe('value');
  });

  it('judges an owner on another host by the connections to its Redis', async () => {
    const folder = dataDir();
    const redis = await embedded(folder);
    const elsewhere = { ...markOf(process.pid), host: 'another.example' };
    writeFileSync(join(folder, 'redis', 'owner.json'), JSON.stringify(elsewhere));
    const handle = await connected(redis.url);
    expect((await failure(startEmbeddedRedis(folder, limits))).code).toBe('instance-running');
    await handle.close();
    const next = await embedded(folder);
    expect(next.pid).toBe(redis.pid);
    await next.stop();
    expect(isAlive(markOf(next.pid))).toBe(false);
    for (const name of ['owner.json', 'server.json']) {
      writeFileSync(join(folder, 'redis', name), JSON.stringify(elsewhere));
    }
    expect((await embedded(folder)).pid).not.toBe(redis.pid);
  });

  it('works where the path is too long for a socket, with any characters', async () => {
    const folder = join(dataDir('mailhaul redis #?%ü-'), 'x'.repeat(100));
    const redis = await embedded(folder);
    const handle = await connected(redis.url);
    expect(await handle.client.ping()).toBe('PONG');
    expect(existsSync(join(folder, 'redis', 'appendonlydir'))).toBe(true);
    await handle.close();
    await redis.stop();
    const short = await embedded(dataDir('m #?%ü-'));
    expect((await connected(short.url)).where).toContain('m #?%ü-');
  });

  it('may be begun before it is needed, and is given out once', async () => {
    const folder = dataDir();
    const letGo = await beginEmbeddedRedis(folder, limits);
    expect(existsSync(join(folder, 'redis', 'server.json'))).toBe(true);
    const redis = await embedded(folder);
    // Whoever has it ends it.
    await letGo();
    expect(await (await connected(redis.url)).client.ping()).toBe('PONG');
    expect((await failure(startEmbeddedRedis(folder, limits))).code).toBe('instance-running');
  });

  it('ends when it was begun and nobody needed it', async () => {
    const folder = dataDir();
    await (await beginEmbeddedRedis(folder, limits))();
    expect(readdirSync(join(folder, 'redis'))).not.toContain('server.json');
    await embedded(folder);
  });

  it('says what went wrong to whoever needs what was begun', async () => {
    const folder = dataDir();
    const letGo = await beginEmbeddedRedis(folder, { ...limits, path: dataDir() });
    expect((await failure(startEmbeddedRedis(folder, limits))).code).toBe('redis-missing');
    await letGo();
    await (await beginEmbeddedRedis(folder, { ...limits, path: dataDir() }))();
    await embedded(folder);
  });

  it('is waited for while it does not answer, as long as the settings say', async () => {
    const [folder, programs] = [dataDir(), dataDir()];
    const listens = `require('net').createServer((c) => c.write('-LOADING soon\\r\\n')).listen(process.argv[process.argv.indexOf('--unixsocket') + 1])`;
    writeFileSync(join(programs, 'valkey-server'), `#!${process.execPath}\n${listens}\n`, { mode: 0o700 });
    const error = await failure(startEmbeddedRedis(folder, { redisStartTimeoutMs: 500, path: programs }));
    expect(error.message).toContain('LOADING soon');
    await embedded(folder);
  });

  it('needs a program', async () => {
    const folder = dataDir();
    const error = await failure(startEmbeddedRedis(folder, { ...limits, path: dataDir() }));
    expect(error.code).toBe('redis-missing');
    expect(readdirSync(join(folder, 'redis'))).toEqual([]);
  });

  it('says what Redis said when it ends at once', async () => {
    const folder = dataDir();
    const programs = dataDir();
    writeFileSync(join(programs, 'valkey-server'), '#!/bin/sh\necho no memory left\nexit 7\n', { mode: 0o700 });
    const error = await failure(startEmbeddedRedis(folder, { ...limits, path: programs }));
    expect(error.code).toBe('redis-unreachable');
    expect(error.message).toMatch(/status 7.*no memory left/);
    await embedded(folder);
  });
});

describe('a connection to Redis', () => {
  const secret = 'hunter2/@:#';
  const encoded = encodeURIComponent(secret);

  it('logs in over TCP and Unix sockets and shows no password', async () => {
    const socket = join(dataDir(), 'a b.sock');
    const { port } = await ordinary('--requirepass', secret, '--unixsocket', socket);
    const tcp = await connected(`redis://:${encoded}@127.0.0.1:${port}/3`);
    const unix = await connected(`unix://:${encoded}@${socket.replace(' ', '%20')}`);
    await tcp.client.set('key', '3');
    expect(await unix.client.get('key')).toBeNull();
    expect(tcp.where).toBe(`redis://127.0.0.1:${port}/3`);
    expect(unix.where).toBe(`unix://${socket}`);
    const refused = await tcp.client.auth('wrong-hunter2').catch((error: unknown) => error);
    expect(inspect(refused)).toContain('WRONGPASS');
    expect(inspect(refused, { showHidden: true, depth: 9 })).not.toContain('hunter2');
    for (const url of [`redis://:wrong-${encoded}@127.0.0.1:${port}`, `redis://127.0.0.1:${port}`]) {
      const error = await failure(connectRedis(url, limits));
      expect(error.code).toBe('redis-unreachable');
      expect(error.message).toMatch(/WRONGPASS|NOAUTH/);
      expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain('hunter2');
    }
  });

  it('fails where nobody answers in time', async () => {
    const refused = await failure(
      connectRedis(`redis://:${encoded}@127.0.0.1:${await freePort()}`, { ...limits, redisStartTimeoutMs: 200 }),
    );
    expect(refused.code).toBe('redis-unreachable');
    expect(refused.message).toContain('ECONNREFUSED');
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    cleanups.push(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const waited = await failure(
      connectRedis(`redis://:${encoded}@127.0.0.1:${port}`, { ...limits, redisStartTimeoutMs: 200 }),
    );
    expect(waited.code).toBe('redis-unreachable');
    expect(inspect([refused, waited], { showHidden: true, depth: 9 })).not.toContain('hunter2');
  });

  it('takes no other URL, and quotes none', async () => {
    for (const url of [
      `http://:${secret}@h`,
      `${secret}`,
      'redis://h/x',
      'redis://h:6379/1?x=1',
      'unix://h/path',
      'unix:///',
      'redis:///1',
      'redis://:%zz@h',
    ]) {
      const error = await failure(connectRedis(url, limits));
      expect(error.code).toBe('settings-invalid');
      expect(error.message).not.toContain('hunter2');
    }
  });

  it('waits during an outage, then fails, then works again', async () => {
    const errors = vi.spyOn(console, 'error');
    const { url, child, port } = await ordinary();
    const handle = await connected(url, { ...limits, redisLostAfterMs: 500 });
    const blocking = handle.duplicate();
    expect(blocking.options.maxRetriesPerRequest).toBeNull();
    const popped = failure(blocking.blpop('list', 0));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const error = await failure(handle.client.set('key', 'value'));
    expect(error.code).toBe('redis-unreachable');
    expect(error.message).toContain(handle.where);
    expect((await popped).code).toBe('redis-unreachable');
    ordinaryOn(port);
    // Not `once`, which fails at the errors of tries that come too early.
    if (handle.client.status !== 'ready') await new Promise((ready) => handle.client.once('ready', ready));
    expect(await handle.client.get('key')).toBeNull();
    expect(errors).not.toHaveBeenCalled();
    errors.mockRestore();
  });

  it('carries out after a short outage what waited for its end', async () => {
    const { child, url, port } = await ordinary();
    const handle = await connected(url);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const waiting = handle.client.set('key', 'value');
    ordinaryOn(port);
    expect(await waiting).toBe('OK');
    expect(await handle.client.get('key')).toBe('value');
  });

  it('closes at once during an outage', async () => {
    const { child, url } = await ordinary();
    const handle = await connected(url);
    const reconnecting = once(handle.client, 'reconnecting');
    child.kill('SIGKILL');
    await reconnecting;
    const waiting = failure(handle.client.get('key'));
    await handle.close();
    expect((await waiting).code).toBe('redis-unreachable');
    expect(handle.client.status).toBe('end');
  });

  it('notices a Redis that fell silent', async () => {
    const { child, url } = await ordinary();
    const handle = await connected(url, { ...limits, redisLostAfterMs: 300 });
    child.kill('SIGSTOP');
    expect((await failure(handle.client.get('key'))).code).toBe('redis-unreachable');
    child.kill('SIGCONT');
  });

  it('closes with all that was made from it', async () => {
    const { url } = await ordinary();
    const handle = await connectRedis(url, limits);
    const more = [handle.duplicate(), handle.duplicate()];
    await Promise.all(more.map((each) => each.ping()));
    await handle.close();
    expect([handle.client, ...more].map((each) => each.status)).toEqual(['end', 'end', 'end']);
    await handle.close();
  });
});

describe('the safety of a Redis', () => {
  async function findings(...words: string[]): Promise<string[]> {
    const { url } = await ordinary(...words);
    const found = await checkRedisSafety(await connected(url));
    expect(found.every((error) => error.code === 'redis-unsafe')).toBe(true);
    return found.map((error) => String(error.details['reason']).split(/[:,]/)[0]!);
  }

  it('is judged by eviction and persistence', async () => {
    expect(await findings('--appendonly', 'yes')).toEqual([]);
    expect(await findings('--appendonly', 'yes', '--maxmemory-policy', 'allkeys-lru')).toEqual([
      'maxmemory-policy is allkeys-lru',
    ]);
    expect(await findings()).toEqual(['appendonly is no']);
  });

  it('is judged by INFO where CONFIG is forbidden, and not at all where both are', async () => {
    expect(await findings('--rename-command', 'CONFIG', '', '--maxmemory-policy', 'volatile-ttl')).toEqual([
      'maxmemory-policy is volatile-ttl',
      'appendonly is no',
    ]);
    const { url } = await ordinary();
    const handle = await connected(url);
    await handle.client.acl('SETUSER', 'default', '-config', '-info');
    const [finding] = await checkRedisSafety(handle);
    expect(finding!.message).toContain('could not be checked');
    await handle.close();
    expect(await checkRedisSafety(handle)).toHaveLength(1);
  });
});

/** The built command on a Redis that somebody else runs: its rights, its version, and what the service manager hears. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectRedis, type RedisHandle } from '../../src/ground/redis.ts';
import { NotifySocket } from '../servers/notify-socket.ts';
import type { RedisServer } from '../servers/redis.ts';
import { expectReport, expectScriptedUntouched, type Haul, HaulRig, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;
let redis: RedisServer;
let admin: RedisHandle;

beforeEach(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
  admin = await connectRedis(redis.url, { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 });
  rig.atEnd(() => admin.close());
});

afterEach(() => rig.end());

const count = 30;

async function servers() {
  const messages = Array.from({ length: count }, (_, i) => ({
    uidl: `u${i}`,
    bytes: Buffer.from(`Message-ID: <${i}@x>\r\nSubject: ${i}\r\n\r\nbody ${i}\r\n`),
  }));
  const [pop, imap] = [await rig.pop({ messages }), await rig.imap()];
  return { pop, imap, messages, list: await rig.list([scriptedRow(pop, imap)]) };
}

function start(list: string, env: NodeJS.ProcessEnv = {}, more: readonly string[] = ['--redis', redis.url]): Haul {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];
  return rig.haul(['start', list, '--roles', 'pop,imap', ...fixed, ...more], env);
}

const isReady = (haul: Haul) => haul.text.stderr.includes('"msg":"ready"');

describe('a user with no more rights than docs/redis.md gives', () => {
  /** The words of the first rule on the page, after `ACL`. */
  const rule = /^ACL (SETUSER mailhaul .*)$/m.exec(readFileSync('docs/redis.md', 'utf8'))![1]!.split(' ');

  test('carries mail with workers and scheduler, and hits no wall', async () => {
    const { pop, imap, messages, list } = await servers();
    await admin.client.call('ACL', ...rule.map((word) => word.replace('>PASSWORD', '>hunter2')));
    await admin.client.call('ACL', 'LOG', 'RESET');
    const password = await rig.file('password', 'hunter2\n');
    await rig.settings({ redis: redis.url, redisUser: 'mailhaul', redisPassword: `file:${password}` });
    const worker = start(list, {}, ['--roles', 'pop,imap']);
    await rig.reaches(() => isReady(worker), worker);
    const ended = await rig.sync(list, ['--json', '--roles', 'scheduler']);
    expect(expectReport(ended).totals.messages).toMatchObject({ listed: count, appended: count });
    worker.child.kill('SIGTERM');
    expect((await worker.ended).status).toBe(0);
    // CONFIG GET is refused, and judged by INFO instead; nothing else was.
    const refused = (await admin.client.call('ACL', 'LOG')) as unknown[][];
    const named = refused.map((entry) => String(entry[entry.indexOf('object') + 1]));
    expect(new Set(named)).toEqual(new Set(['config|get']));
    for (const { stderr } of [ended, await worker.ended]) expect(stderr).not.toMatch(/redis-unsafe|NOPERM|hunter2/);
    const stored = imap.mailboxes.get('INBOX')!.messages.map(({ bytes }) => bytes.toString('latin1'));
    expect(stored.sort()).toEqual(messages.map(({ bytes }) => bytes.toString('latin1')).sort());
    await expectScriptedUntouched(pop);
  });

  test('cannot touch what is not its own', async () => {
    await admin.client.call('ACL', ...rule.map((word) => word.replace('>PASSWORD', '>hunter2')));
    const access = { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 };
    const handle = await connectRedis(redis.url, { ...access, redisUser: 'mailhaul', redisPassword: 'hunter2' });
    rig.atEnd(() => handle.close());
    for (const words of [['GET', 'other'], ['FLUSHALL'], ['CONFIG', 'SET', 'appendonly', 'no'], ['ACL', 'LIST']]) {
      await expect(handle.client.call(...(words as [string]))).rejects.toThrow('NOPERM');
    }
  });
});

describe('the command line', () => {
  test('a password in --redis draws a warning; elsewhere it does not', async () => {
    const { list } = await servers();
    await admin.client.config('SET', 'requirepass', 'hunter2');
    const url = redis.url.replace('redis://', 'redis://:hunter2@');
    const shown = await rig.sync(list, ['--json', '--redis', url]);
    expect(shown.stderr).toContain('the password of Redis stands on the command line');
    expect(shown.status).toBe(0);
    const kept = await rig.sync(list, ['--json'], { MAILHAUL_REDIS: redis.url, MAILHAUL_REDIS_PASSWORD: 'hunter2' });
    expect(kept.stderr).not.toContain('command line');
    expect(kept.status).toBe(0);
    for (const { stderr, stdout } of [shown, kept]) expect(stderr + stdout).not.toContain('hunter2');
  });

  test('data of a newer Mailhaul is left alone, and said so', async () => {
    const { list } = await servers();
    await admin.client.set('mh:version', 2);
    for (const ended of [
      await rig.sync(list, ['--json', '--redis', redis.url]),
      await start(list).ended,
      await rig.sync(list, ['--json', '--dry-run', '--redis', redis.url]),
    ]) {
      expect(ended.status).toBe(10);
      expect(ended.stderr).toMatch(/ledger-newer: .* has version 2; this Mailhaul knows version 1/);
      expect(ended.stdout).toBe('');
    }
    expect(await admin.client.keys('*')).toEqual(['mh:version']);
  });
});

describe('the service manager', () => {
  test('hears READY when work can begin, signs of life while Redis answers, and STOPPING', async () => {
    await rig.settings({ redisLostAfterMs: '60000' });
    const { list } = await servers();
    const socket = await NotifySocket.listen(join(rig.directory, 'notify'));
    rig.atEnd(() => socket.close());
    const told = { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '400000' };
    const worker = start(list, told, ['--roles', 'pop,imap', '--redis', redis.url]);
    await socket.until(() => socket.times('WATCHDOG=1') > 1);
    expect(socket.said[0]).toEqual(['READY=1', 'STATUS=pop, imap']);
    const ended = await rig.sync(list, ['--json', '--roles', 'scheduler', '--redis', redis.url]);
    expect(expectReport(ended).totals.messages.appended).toBe(count);
    await redis.stop();
    await rig.reaches(() => worker.text.stderr.includes('no sign of life'), worker);
    const silentSince = socket.times('WATCHDOG=1');
    await redis.restart();
    await socket.until(() => socket.times('WATCHDOG=1') > silentSince);
    worker.child.kill('SIGTERM');
    expect((await worker.ended).status).toBe(0);
    expect(socket.times('STOPPING=1')).toBe(1);
    expect(socket.times('READY=1')).toBe(1);
  });
});

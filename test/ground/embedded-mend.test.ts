/** Our own Redis after a power cut: what it had not made durable may be there as zeros. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { startEmbeddedRedis } from '../../src/ground/embedded-redis.ts';
import { connectRedis, type RedisHandle } from '../../src/ground/redis.ts';
import { failure } from './failure.ts';

const limits = { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailhaul-mend-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

/** Runs it for as long as `work` takes. */
async function withRedis(work: (redis: RedisHandle) => Promise<void>): Promise<void> {
  const redis = await startEmbeddedRedis(folder, limits);
  const handle = await connectRedis(redis.url, limits);
  try {
    await work(handle);
  } finally {
    await handle.close();
    await redis.stop();
  }
}

/** Appends to one of the files that it reads at its start. */
function spoil(ending: string, bytes: Buffer): void {
  const files = join(folder, 'redis', 'appendonlydir');
  appendFileSync(join(files, readdirSync(files).find((name) => name.endsWith(ending))!), bytes);
}

it('starts without what came to nothing, and goes on', async () => {
  await withRedis(async ({ client }) => void (await client.set('key', 'value')));
  spoil('.incr.aof', Buffer.alloc(5000));
  await withRedis(async ({ client }) => {
    expect(await client.get('key')).toBe('value');
    await client.set('more', 'after');
  });
  await withRedis(async ({ client }) => expect(await client.mget('key', 'more')).toEqual(['value', 'after']));
});

it('starts without the half of a command', async () => {
  await withRedis(async ({ client }) => void (await client.set('key', 'value')));
  spoil('.incr.aof', Buffer.from('*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$3\r\nkey\r\n*1\r\n$4\r\nEX\0\0\0\0'));
  await withRedis(async ({ client }) => expect(await client.get('key')).toBe('value'));
});

it('starts without the half of a transaction, and does not take it together with the next one', async () => {
  await withRedis(async ({ client }) => void (await client.set('key', '1')));
  spoil('.incr.aof', Buffer.from('*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$3\r\nkey\r\n*2\r\n$4\r\nINCR'));
  await withRedis(async ({ client }) => void (await client.multi().incr('key').incr('key').exec()));
  await withRedis(async ({ client }) => expect(await client.get('key')).toBe('3'));
});

it('tells in its log what was wrong, and what was cut off', async () => {
  await withRedis(async ({ client }) => void (await client.set('key', 'value')));
  spoil('.incr.aof', Buffer.alloc(77));
  await withRedis(async () => {});
  const log = readFileSync(join(folder, 'redis', 'redis.log'), 'utf8');
  expect(log).toMatch(/Bad file format[\s\S]*with 77 bytes[\s\S]*Successfully truncated/);
});

it('is not mended where something else is wrong', async () => {
  await withRedis(async () => {});
  spoil('.manifest', Buffer.from('nonsense\n'));
  const { code, message } = await failure(startEmbeddedRedis(folder, limits));
  expect([code, message]).toEqual(['redis-unreachable', expect.stringContaining('ended at once')]);
});

/** What a lease is worth when another Redis answers than the one that gave it. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loginKeys } from '../../src/ground/keys.ts';
import { connectRedis } from '../../src/ground/redis.ts';
import { Script } from '../../src/ground/redis-script.ts';
import { Lease } from '../../src/limits/lease.ts';
import { startRedis } from '../servers/redis.ts';

it('ends with that Redis, and what waited under it is not sent to the next one', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mailhaul-replaced-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const server = await startRedis({ directory });
  onTestFinished(() => server.kill());
  const handle = await connectRedis(server.url, { redisStartTimeoutMs: 10_000, redisLostAfterMs: 20_000 });
  onTestFinished(() => handle.close());
  const { client } = handle;
  const lease = (await Lease.take(client, 'a'.repeat(32), 60_000))!;
  const set = "redis.call('SET', KEYS[1], ARGV[1]) return 1";
  const reconnecting = once(client, 'reconnecting');
  await server.kill();
  await reconnecting;
  const fenced = new Script(set, true).run(client, ['mh:fenced'], [1]).catch((error: unknown) => error);
  const free = new Script(`${set} -- not fenced`).run(client, ['mh:free'], [1]);
  await server.restart();
  expect(await fenced).toMatchObject({ code: 'lease-lost' });
  expect(await free).toBe(1);
  expect(lease.lost.aborted).toBe(true);
  expect(await client.exists('mh:fenced', loginKeys.lease('a'.repeat(32)))).toBe(0);
  expect(await new Script(set, true).run(client, ['mh:fenced'], [1])).toBe(1);
  // A connection that was cut, to the same Redis, costs no lease.
  const second = (await Lease.take(client, 'b'.repeat(32), 60_000))!;
  const again = once(client, 'ready');
  client.disconnect(true);
  await again;
  expect(await client.ping()).toBe('PONG');
  expect(second.lost.aborted).toBe(false);
  await second.release();
});

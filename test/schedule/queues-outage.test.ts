/** Queues and workers whose first moments fall into an outage of Redis work once it is back. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../../src/ground/log.ts';
import { connectRedis } from '../../src/ground/redis.ts';
import { Queues } from '../../src/schedule/queues.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

async function startServer(): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const server = await startRedis({ directory });
  onTestFinished(() => server.kill());
  return server;
}

async function openQueues({ url }: RedisServer): Promise<Queues> {
  const handle = await connectRedis(url, { redisStartTimeoutMs: 20_000, redisLostAfterMs: 20_000 });
  onTestFinished(() => handle.close());
  const queues = new Queues(handle, silentLog(), 30_000);
  onTestFinished(() => queues.close());
  return queues;
}

it('made while Redis is away, both do their work when it is back', async () => {
  const server = await startServer();
  const queues = await openQueues(server);
  await server.kill();
  const taken = new Promise<string>((take) => {
    queues.work('download', '', 1, async ({ account }) => take(account));
  });
  const added = queues.add('download', { account: 'a', run: 'r1', tries: 0, mark: 0, spool: '' }, 1);
  await server.restart();
  await added;
  expect(await taken).toBe('a');
});

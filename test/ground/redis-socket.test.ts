import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { connectRedis } from '../../src/ground/redis.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
/** How often Redis has read from its connections, this time included. */
const reads = async () =>
  Number(/total_reads_processed:(\d+)/.exec(await redis.client.info('stats'))?.[1] ?? Number.NaN);

it('commands that are given together reach Redis in one piece and in their order', async () => {
  const { client } = redis;
  const before = await reads();
  const later = Promise.resolve().then(() => client.rpush('list', 'c'));
  const script = "return redis.call('RPUSH', KEYS[1], ARGV[1])";
  const first = [client.rpush('list', 'a'), client.eval(script, 1, 'list', Buffer.from('b'))];
  const [, , third, all] = await Promise.all([...first, later, later.then(() => client.lrange('list', 0, -1))]);
  expect(third).toBe(3);
  expect(all).toEqual(['a', 'b', 'c']);
  // Besides the question itself: one for what was given at once, at most one for what was given a moment later, one for the last.
  expect((await reads()) - before).toBeLessThanOrEqual(4);
  const many = await reads();
  await Promise.all(Array.from({ length: 50 }, (_, i) => client.set(`key ${i}`, Buffer.alloc(20))));
  expect((await reads()) - many).toBe(2);
});

it('a connection that is closed right behind its commands sends them', async () => {
  const other = await redis.another();
  const written = other.client.set('last', '1');
  await other.close();
  expect(await written).toBe('OK');
  expect(await redis.client.get('last')).toBe('1');
});

/** A line to a Redis: its connections can be cut, and what Redis says can be kept back. */
async function lineTo(port: number) {
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const line = { port: 0, silent: false, connections: 0, cut };
  const server = createServer((client) => {
    line.connections += 1;
    const there = connect(port, '127.0.0.1');
    for (const socket of [client, there]) sockets.add(socket.on('error', () => {}));
    client.pipe(there).on('close', () => client.destroy());
    there.on('data', (answer) => void (line.silent || client.write(answer)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  line.port = (server.address() as AddressInfo).port;
  return line;
}

it('a command that is given before the connection is ready is not lost with it', async () => {
  const line = await lineTo(Number(redis.client.options.port));
  const limits = { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 };
  const handle = await connectRedis(`redis://127.0.0.1:${line.port}`, limits);
  onTestFinished(() => handle.close());
  const { client } = handle;
  line.silent = true;
  line.cut();
  await vi.waitUntil(() => (client as { status: string }).status === 'connect', { timeout: 5000, interval: 1 });
  const info = client.info();
  line.silent = false;
  line.cut();
  expect(await info).toContain('redis_version');
  expect(line.connections).toBeGreaterThanOrEqual(3);
});

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { DelayProxy } from './delay-proxy.ts';
import { Random } from './random.ts';
import { RoundTrips } from './round-trips.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function behind(oneWayMs: number, serve: (socket: Socket) => void): Promise<DelayProxy> {
  const server = createServer({ allowHalfOpen: true }, serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  const proxy = await DelayProxy.start((server.address() as AddressInfo).port, oneWayMs);
  ends.push(() => proxy.close());
  return proxy;
}

function dial(proxy: DelayProxy): Socket {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  ends.push(() => socket.destroy());
  return socket;
}

async function writeInPieces(socket: Socket, bytes: Buffer, random: Random): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const length = random.chance(0.5) ? random.between(1, 5) : random.between(1, 200_000);
    if (!socket.write(bytes.subarray(at, at + length))) await once(socket, 'drain');
    at += length;
    if (random.chance(0.3)) await new Promise(setImmediate);
  }
  socket.end();
}

/** By events: an iterator would destroy the socket at the end of what it reads, with what is still to be written. */
function digest(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (chunk: Buffer) => hash.update(chunk));
  return new Promise((done, fail) => {
    socket.once('end', () => done(hash.digest('hex')));
    socket.once('error', fail);
  });
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('the delay proxy', () => {
  it('adds a round trip to every answer, and one more to the connection', async () => {
    const oneWayMs = 25;
    const proxy = await behind(oneWayMs, (socket) => socket.pipe(socket));
    const begin = performance.now();
    const socket = dial(proxy);
    for (let round = 1; round <= 3; round += 1) {
      socket.write('ping');
      await once(socket, 'data');
      expect(performance.now() - begin).toBeGreaterThanOrEqual(2 * oneWayMs * (round + 1) - 1);
    }
    expect(proxy.takeCounts()).toEqual([
      { bytesUp: 12, bytesDown: 12, chunksUp: 3, chunksDown: 3, turns: 2, chain: 3 },
    ]);
    expect(proxy.takeCounts()).toEqual([]);
  });

  it.each([1, 2, 3, 4])('loses no byte in either direction, however they are cut (%i)', async (seed) => {
    const random = new Random(seed);
    const [up, down] = [random.bytes(3_000_001), random.bytes(2_000_003)];
    let arrived: Promise<string> | undefined;
    const proxy = await behind(5, (socket) => {
      arrived = digest(socket);
      void writeInPieces(socket, down, new Random(seed + 100));
    });
    const socket = dial(proxy);
    const answer = digest(socket);
    await writeInPieces(socket, up, random);
    expect(await answer).toBe(digestOf(down));
    expect(await arrived).toBe(digestOf(up));
    const [count] = proxy.takeCounts();
    expect(count).toMatchObject({ bytesUp: up.length, bytesDown: down.length });
  });

  it('takes no more than about 16 MiB ahead of its reader, and hands all of it on', async () => {
    const bytes = Buffer.alloc(64 * 1024 * 1024, 'slow');
    const proxy = await behind(5, (socket) => void socket.end(bytes));
    const socket = dial(proxy);
    await once(socket, 'readable');
    // The kernel holds some more for each of the two sockets, and a piece of it is here already.
    let ahead = -1;
    for (let now = 0; now !== ahead; now = proxy.counts()[0]!.bytesDown) {
      ahead = now;
      await wait(200);
    }
    expect(ahead).toBeLessThan(40 * 1024 * 1024);
    let taken = 0;
    for await (const chunk of socket) taken += (chunk as Buffer).length;
    expect(taken).toBe(bytes.length);
  });

  it('closes the other side when one breaks', async () => {
    const closed: Promise<unknown>[] = [];
    const proxy = await behind(5, (socket) => {
      socket.on('error', () => {});
      closed.push(new Promise((done) => socket.once('close', done)));
      // One that never ends by itself, and hears of the break when it goes on writing.
      const timer = setInterval(() => socket.write('hello'), 5);
      ends.push(() => clearInterval(timer));
    });
    const socket = dial(proxy);
    await once(socket, 'data');
    socket.resetAndDestroy();
    await Promise.all(closed);
    expect(closed).toHaveLength(1);
  });
});

describe('round trips', () => {
  const play = (oneWayMs: number, script: readonly (readonly ['client' | 'server', number])[]) => {
    const trips = new RoundTrips(oneWayMs);
    for (const [speaker, at] of script) trips.heard(speaker, at);
    return { turns: trips.turns, chain: trips.chain };
  };

  it('are as many as questions that wait for the answer before', () => {
    // A greeting, then three questions, each asked when the answer has arrived.
    const talk = (at: number) => [['server', at] as const, ['client', at + 20] as const];
    const script = [0, 40, 80].flatMap((at) => talk(at));
    expect(play(20, [...script, ['server', 120]])).toEqual({ turns: 3, chain: 4 });
  });

  it('do not grow with what is asked ahead', () => {
    const questions = Array.from({ length: 50 }, (_, index) => ['client', index / 10] as const);
    const answers = Array.from({ length: 50 }, (_, index) => ['server', 40 + index / 10] as const);
    expect(play(20, [...questions, ...answers])).toEqual({ turns: 0, chain: 1 });
  });

  it('are turns, but no chain, where both speak at once', () => {
    const script = Array.from({ length: 30 }, (_, index) => [index % 2 ? 'server' : 'client', index] as const);
    expect(play(20, script)).toEqual({ turns: 14, chain: 1 });
    expect(play(0, script)).toEqual({ turns: 14, chain: 15 });
  });

  it('begin when the client connects', () => {
    expect(play(20, [])).toEqual({ turns: 0, chain: 0 });
    expect(play(20, [['server', 0]])).toEqual({ turns: 0, chain: 1 });
    expect(
      play(20, [
        ['server', 0],
        ['client', 30],
      ]),
    ).toEqual({ turns: 1, chain: 1 });
  });
});

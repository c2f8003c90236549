/** A long line to a server on this machine: every chunk arrives later, none is lost, and the bandwidth is not limited. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { RoundTrips } from './round-trips.ts';

/** What went over one connection. Connecting itself is no round trip here. */
export interface ConnectionCount {
  bytesUp: number;
  bytesDown: number;
  chunksUp: number;
  chunksDown: number;
  /** See RoundTrips. */
  turns: number;
  chain: number;
}

interface Line {
  readonly count: ConnectionCount;
  readonly trips: RoundTrips;
}

const inFlightMaxBytes = 16 * 1024 * 1024;

/** Listens on a loopback port and hands everything on to another. */
export class DelayProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #lines: Line[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Every chunk is released `oneWayMs` after it came; a connection costs twice that at first, as SYN and its answer do. */
  static async start(targetPort: number, oneWayMs: number): Promise<DelayProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const proxy = new DelayProxy(server);
    server.on('connection', (client: Socket) => void proxy.#carry(client, targetPort, oneWayMs));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** What went over each connection that was made since the last `takeCounts`. */
  counts(): ConnectionCount[] {
    return this.#lines.map(({ count, trips }) => ({ ...count, turns: trips.turns, chain: trips.chain }));
  }

  /** The counts, which begin anew: a connection that is still open is not seen again. */
  takeCounts(): ConnectionCount[] {
    const counts = this.counts();
    this.#lines = [];
    return counts;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  async #carry(client: Socket, targetPort: number, oneWayMs: number): Promise<void> {
    this.#keep(client);
    await wait(2 * oneWayMs);
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#keep(target);
    const count = { bytesUp: 0, bytesDown: 0, chunksUp: 0, chunksDown: 0, turns: 0, chain: 0 };
    const trips = new RoundTrips(oneWayMs);
    this.#lines.push({ count, trips });
    carryOneWay(client, target, oneWayMs, (bytes, at) => {
      count.bytesUp += bytes;
      count.chunksUp += 1;
      trips.heard('client', at);
    });
    carryOneWay(target, client, oneWayMs, (bytes, at) => {
      count.bytesDown += bytes;
      count.chunksDown += 1;
      trips.heard('server', at);
    });
  }

  /** A socket that breaks is closed; its other half hears of it by the end of the stream. */
  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

/** Chunks wait here in their order; the end of the stream waits with them, as a chunk without bytes. */
function carryOneWay(from: Socket, to: Socket, oneWayMs: number, heard: (bytes: number, at: number) => void): void {
  const queue: { bytes: Buffer | undefined; due: number }[] = [];
  let inFlight = 0;
  let timer: NodeJS.Timeout | undefined;
  const written = (length: number) => {
    inFlight -= length;
    if (from.isPaused() && inFlight < inFlightMaxBytes) from.resume();
  };
  const release = () => {
    timer = undefined;
    const now = performance.now();
    to.cork();
    while (queue[0] && queue[0].due <= now) {
      const { bytes } = queue.shift()!;
      if (!bytes) to.end();
      else if (to.writable) to.write(bytes, () => written(bytes.length));
      else written(bytes.length);
    }
    to.uncork();
    schedule(now);
  };
  const schedule = (now: number) => {
    const next = queue[0];
    if (next && !timer) timer = setTimeout(release, Math.max(0, next.due - now));
  };
  const add = (bytes: Buffer | undefined) => {
    const now = performance.now();
    queue.push({ bytes, due: now + oneWayMs });
    schedule(now);
  };
  from.on('data', (bytes: Buffer) => {
    heard(bytes.length, performance.now());
    inFlight += bytes.length;
    if (inFlight >= inFlightMaxBytes) from.pause();
    add(bytes);
  });
  let ended = false;
  for (const event of ['end', 'close'] as const) {
    from.once(event, () => {
      if (!ended) add(undefined);
      ended = true;
    });
  }
  // Nobody is left to listen: the news takes its time, and what is on its way in the other direction still arrives.
  to.once('close', () => {
    if (!ended) setTimeout(() => from.destroy(), 2 * oneWayMs);
  });
}

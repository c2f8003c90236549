/** A real Sentinel set on loopback: a master, its replicas and three sentinels. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { freePorts } from '../../src/demo/free-ports.ts';

const limitMs = 30_000;
const pollMs = 10;

/** What a set is started with. */
export interface SentinelOptions {
  readonly directory: string;
  /** Certificate files: then all of them speak TLS, and nothing else. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Password of every Redis and every sentinel. */
  readonly password?: string;
  /** The sentinels' down-after-milliseconds. */
  readonly downAfterMs?: number;
}

interface Node {
  readonly port: number;
  child: ChildProcess;
  start(): ChildProcess;
}

/** A running set. Its name is `haul`. */
export class SentinelSet {
  readonly name = 'haul';
  readonly #redis: Node[] = [];
  readonly #sentinels: Node[] = [];
  readonly #tls: boolean;

  readonly #password: string | undefined;

  private constructor(tls: boolean, password: string | undefined) {
    this.#tls = tls;
    this.#password = password;
  }

  static async start(options: SentinelOptions): Promise<SentinelSet> {
    const set = new SentinelSet(options.tls !== undefined, options.password);
    const ports = await freePorts(6);
    const [master, ...replicas] = ports.slice(0, 3) as [number, ...number[]];
    const { directory, downAfterMs = 1500 } = options;
    const node = (port: number, more: readonly string[], first: readonly string[] = []) => {
      const folder = join(directory, String(port));
      mkdirSync(folder);
      const listen = options.tls
        ? ['--port', '0', '--tls-port', String(port), ...tlsWords(options.tls)]
        : ['--port', String(port)];
      const fixed = [...listen, '--bind', '127.0.0.1', '--dir', folder];
      const start = () => spawn('redis-server', [...first, ...fixed, ...more], { stdio: 'ignore' });
      return { port, start, child: start() };
    };
    const data = ['--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'];
    const login = options.password ? ['--requirepass', options.password] : [];
    const quick = ['--repl-diskless-sync-delay', '0', ...login];
    if (options.password) quick.push('--masterauth', options.password);
    set.#redis.push(node(master, [...data, ...quick]));
    for (const port of replicas) {
      set.#redis.push(node(port, [...data, ...quick, '--replicaof', '127.0.0.1', String(master)]));
    }
    await set.until(master, 'INFO replication', /connected_slaves:2[\s\S]*state=online[\s\S]*state=online/);
    for (const port of ports.slice(3)) {
      const file = join(directory, `sentinel-${port}.conf`);
      const lines = [
        `sentinel monitor ${set.name} 127.0.0.1 ${master} 2`,
        `sentinel down-after-milliseconds ${set.name} ${downAfterMs}`,
        `sentinel failover-timeout ${set.name} 3000`,
        ...(options.password ? [`sentinel auth-pass ${set.name} ${options.password}`] : []),
        ...(options.password ? [`sentinel sentinel-pass ${options.password}`] : []),
      ];
      writeFileSync(file, `${lines.join('\n')}\n`);
      set.#sentinels.push(node(port, ['--sentinel', ...login], [file]));
    }
    for (const port of set.sentinelPorts) {
      await set.until(
        port,
        `SENTINEL master ${set.name}`,
        /num-slaves[\s\S]*?\n2\r[\s\S]*num-other-sentinels[\s\S]*?\n2\r/,
      );
    }
    return set;
  }

  get sentinelPorts(): number[] {
    return this.#sentinels.map(({ port }) => port);
  }

  /** As the setting `redisSentinels` has them. */
  get places(): string[] {
    return this.sentinelPorts.map((port) => `127.0.0.1:${port}`);
  }

  get dataPorts(): number[] {
    return this.#redis.map(({ port }) => port);
  }

  /** The port of the master, as the sentinels see it. */
  async master(): Promise<number> {
    for (const { port, child } of this.#sentinels) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const found = /\$\d+\r\n(\d+)\r\n$/.exec(
        await this.#ask(port, `SENTINEL get-master-addr-by-name ${this.name}`),
      )?.[1];
      if (found !== undefined) return Number(found);
    }
    throw new Error('no sentinel knows a master');
  }

  /**
   * Waits for another master than this one, which answers as such. From then on the sentinels are slow to give it up:
   * on a busy machine they would have a second failover, which nobody asked for.
   */
  async failedOver(from: number): Promise<number> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const port = await this.master().catch(() => from);
      if (port !== from && /role:master/.test(await this.#ask(port, 'INFO replication').catch(() => ''))) {
        await this.#settle();
        return port;
      }
      if (Date.now() > deadline) throw new Error('no failover');
      await wait(pollMs);
    }
  }

  async #settle(): Promise<void> {
    for (const port of this.sentinelPorts) {
      await this.until(port, `SENTINEL SET ${this.name} down-after-milliseconds 60000`, /^(\+OK\r\n)+$/);
    }
  }

  /** Sends a signal to one Redis; SIGKILL is waited for. */
  async signal(port: number, name: NodeJS.Signals): Promise<void> {
    const { child } = this.#redis.find((node) => node.port === port)!;
    const ended = once(child, 'exit');
    child.kill(name);
    if (name === 'SIGKILL') await ended;
  }

  /** Starts a Redis again that was killed, as an administrator does who knows nothing of what happened since. */
  revive(port: number): void {
    const node = this.#redis.find((each) => each.port === port)!;
    node.child = node.start();
  }

  /** From now on the replicas hear nothing of what the master acknowledges. Connections that there are stay. */
  async deafen(master: number): Promise<void> {
    const answer = await this.#ask(master, 'CONFIG SET maxclients 1\r\nCLIENT KILL TYPE replica');
    if (!/^\+OK\r\n:2\r\n$/.test(answer)) throw new Error(answer);
  }

  /** Waits until a server answers a command in a way. */
  async until(port: number, command: string, wanted: RegExp): Promise<void> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const answer = await this.#ask(port, command).catch(String);
      if (wanted.test(answer)) return;
      if (Date.now() > deadline) throw new Error(`${command} on ${port}: ${answer}`);
      await wait(pollMs);
    }
  }

  /** The whole answer to one command, as it came. */
  async #ask(port: number, command: string): Promise<string> {
    const place = { port, host: '127.0.0.1', rejectUnauthorized: false };
    const socket = this.#tls ? connectTls(place) : createConnection(place);
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.setTimeout(1000, () => socket.destroy(new Error('silent')));
    const heard = new Promise<void>((done, fail) => {
      socket.on('data', () => text.endsWith('+PONG\r\n') && done());
      socket.once('error', fail).once('close', () => fail(new Error('closed')));
    });
    if (this.#password) socket.write(`AUTH ${this.#password}\r\n`);
    socket.write(`${command}\r\nPING\r\n`);
    await heard.finally(() => socket.destroy());
    return text.slice(0, -'+PONG\r\n'.length);
  }

  async end(): Promise<void> {
    for (const { child } of [...this.#sentinels, ...this.#redis]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGCONT');
      child.kill('SIGKILL');
      await ended;
    }
  }
}

function tlsWords(tls: { ca: string; cert: string; key: string }): string[] {
  const files = ['--tls-ca-cert-file', tls.ca, '--tls-cert-file', tls.cert, '--tls-key-file', tls.key];
  return [...files, '--tls-auth-clients', 'no', '--tls-replication', 'yes'];
}

/** What chaos kills: workers, scheduler, Redis and both mail servers, each started again when it is gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Dovecot, startDovecot } from '../../src/demo/dovecot.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';

/** What can be killed. */
export const victims = ['pop', 'imap', 'scheduler', 'redis', 'source', 'destination'] as const;

/** One of them. */
export type Victim = (typeof victims)[number];

/** Done; finished while something was down; told to stop. */
const fineStatuses = [0, 3, 130];
const command = resolve('dist/src/cli.js');
const settings = {
  batchMaxMessages: '7',
  leaseMs: '1000',
  reconcileMs: '500',
  appendIdleMs: '300',
  retryWaitsMs: '[50, 200, 500, 1000]',
  inDoubtWaitsMs: '[0, 300, 1000]',
};

/** A part of Mailhaul in a process of its own. */
interface Part {
  child: ChildProcess;
  ended: Promise<unknown>;
  text: string;
}

/** Everything that runs. */
export class Fleet {
  readonly users: readonly string[];
  readonly directory: string;
  readonly source: Dovecot;
  readonly destination: Dovecot;
  readonly redis: RedisServer;
  /** How often a part ended by itself with another status than 0. */
  failures = 0;
  /** How often something that ran was killed. */
  kills = 0;
  readonly #list: string;
  readonly #parts = new Map<Victim, Part>();

  private constructor(directory: string, users: readonly string[], servers: [Dovecot, Dovecot, RedisServer]) {
    this.directory = directory;
    this.users = users;
    [this.source, this.destination, this.redis] = servers;
    this.#list = join(directory, 'accounts.csv');
  }

  /** Starts the servers; the parts come with `ensure`. */
  static async start(directory: string, users: readonly string[]): Promise<Fleet> {
    const folder = async (name: string) => {
      await mkdir(join(directory, name), { recursive: true });
      return join(directory, name);
    };
    const source = await startDovecot({ directory: await folder('source'), protocols: ['pop3'] });
    const destination = await startDovecot({ directory: await folder('destination'), protocols: ['imap'] });
    const redis = await startRedis({ directory: await folder('redis'), args: ['--appendfsync', 'everysec'] });
    const fleet = new Fleet(directory, users, [source, destination, redis]);
    await fleet.#writeFiles();
    return fleet;
  }

  async #writeFiles(): Promise<void> {
    const sides = ['pop', 'imap'].flatMap((side) =>
      ['host', 'port', 'security', 'user', 'password'].map((name) => `${side}_${name}`),
    );
    const lines = this.users.map((user) =>
      [
        '127.0.0.1',
        this.source.popPort,
        'none',
        user,
        'pw',
        '127.0.0.1',
        this.destination.imapPort,
        'none',
        user,
        'pw',
      ].join(),
    );
    await writeFile(this.#list, `${sides.join()}\n${lines.join('\n')}\n`);
    const yaml = Object.entries(settings).map(([name, value]) => `${name}: ${value}\n`);
    await writeFile(join(this.directory, 'settings.yaml'), yaml.join(''));
  }

  /** Starts the parts that do not run. */
  ensure(): void {
    for (const role of ['pop', 'imap'] as const) {
      if (!this.#parts.has(role)) this.#run(role, ['start', this.#list, '--roles', role]);
    }
    if (!this.#parts.has('scheduler')) this.#schedule();
  }

  /** One run with the workers there are; its report, as far as it printed one. */
  async sync(): Promise<{ status: number | null; text: string }> {
    await this.#end('scheduler', 'SIGTERM');
    const part = this.#schedule();
    await part.ended;
    return { status: part.child.exitCode, text: part.text };
  }

  /** Kills one, and starts a server again after a while; a part comes back with `ensure`. */
  async kill(victim: Victim, downMs: number): Promise<void> {
    this.kills += 1;
    if (victim === 'pop' || victim === 'imap' || victim === 'scheduler') return this.#end(victim, 'SIGKILL');
    const server = this[victim];
    await server.kill();
    if (downMs > 0) await new Promise((resume) => setTimeout(resume, downMs));
    await server.restart();
  }

  /** Ends everything. */
  async end(): Promise<void> {
    for (const victim of [...this.#parts.keys()]) await this.#end(victim, 'SIGKILL');
    await Promise.all([this.source.kill(), this.destination.kill(), this.redis.kill()]);
  }

  #schedule(): Part {
    return this.#run('scheduler', ['sync', this.#list, '--json', '--quiet', '--roles', 'scheduler']);
  }

  #run(victim: Victim, words: readonly string[]): Part {
    const places = ['--config', join(this.directory, 'settings.yaml'), '--data-dir', join(this.directory, 'data')];
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, [command, ...words, ...places, '--redis', this.redis.url], {
      env: { PATH, HOME, TMPDIR: tmpdir() },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const part: Part = { child, ended: once(child, 'close'), text: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      part.text += chunk;
    });
    child.once('exit', (status) => {
      if (this.#parts.get(victim) === part) this.#parts.delete(victim);
      if (status !== null && !fineStatuses.includes(status)) this.failures += 1;
    });
    this.#parts.set(victim, part);
    return part;
  }

  async #end(victim: Victim, signal: NodeJS.Signals): Promise<void> {
    const part = this.#parts.get(victim);
    if (!part) return;
    part.child.kill(signal);
    await part.ended;
    this.#parts.delete(victim);
  }
}

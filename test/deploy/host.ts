/** One host of a page: a folder with the paths of the page, a Redis and a Mailhaul service where the page starts them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePorts } from '../../src/demo/free-ports.ts';
import type { HaulRig } from '../flow/haul-rig.ts';
import { commandFaults, variableFaults } from './built-program.ts';
import type { Ports } from './sandbox.ts';
import { readUnit } from './units.ts';

const paths = [
  '/etc/mailhaul',
  '/etc/redis',
  '/etc/systemd/system',
  '/opt/mailhaul',
  '/var/lib/mailhaul',
  '/var/lib/redis',
  '/var/backups',
];
const startTimeoutMs = 30_000;

type Emulation = (words: readonly string[]) => Promise<void> | void;

export class Host {
  readonly root: string;
  cwd: string;
  /** Variables of every process of the host. */
  readonly environment: Record<string, string>;
  readonly #ports: Ports;
  #redis: ChildProcess | undefined;
  #service: ChildProcess | undefined;
  #active = false;

  private constructor(root: string, ports: Ports, port: number) {
    this.root = root;
    this.#ports = ports;
    this.cwd = join(root, 'checkout');
    this.environment = { MAILHAUL_DASHBOARD_PORT: String(port) };
  }

  static async make(rig: HaulRig, root: string, ports: Ports): Promise<Host> {
    const [port = 0] = await freePorts(1);
    const host = new Host(root, ports, port);
    for (const path of ['/etc/redis', '/etc/systemd/system', '/opt', '/var/lib/redis', '/var/backups', '/checkout'])
      await mkdir(join(root, path), { recursive: true });
    rig.atEnd(() => host.end());
    return host;
  }

  /** A text with the host's own paths. */
  mapped(text: string): string {
    return text.replaceAll(new RegExp(`(?<![\\w/.-])(?:${paths.join('|')})`, 'g'), (path) => `${this.root}${path}`);
  }

  /** After a command of the shell. */
  readCwd(): void {
    this.cwd = readFileSync(join(this.root, '.shell.cwd'), 'utf8').trim();
  }

  /** What belongs to the system, and what is checked or done instead. */
  readonly emulated: Readonly<Record<string, Emulation>> = {
    'apt-get': (words) => expectWords(words, ['install', '-y', 'redis-server']),
    useradd: (words) =>
      expectWords(words, '--system --home-dir /var/lib/mailhaul --shell /usr/sbin/nologin mailhaul'.split(' ')),
    git: (words) => {
      expectWords(words, ['clone', '.', '/opt/mailhaul']);
      symlinkSync(resolve('.'), this.mapped('/opt/mailhaul'));
    },
    npm: (words) => {
      expectWords(words, ['run', 'setup', '--', '--without-servers']);
      if (!readFileSync('scripts/setup.mjs', 'utf8').includes("'--without-servers'")) throw new Error('no such option');
      if (!existsSync(join(this.cwd, 'scripts/setup.mjs'))) throw new Error('not in the checkout');
    },
    dig: (words) => expectWords(words, ['+noall', '+answer', 'old.example', 'MX']),
    docker: (words) => {
      const [first, ...rest] = words;
      const verb = rest.filter(
        (word, at) => !word.startsWith('--') && !['--env-file', '--profile'].includes(rest[at - 1]!),
      )[0];
      if (first !== 'compose' || !['up', 'down', 'ps', 'exec'].includes(verb ?? ''))
        throw new Error('another docker command');
    },
    systemctl: (words) => this.#systemctl(words.filter((word) => !word.startsWith('--'))),
  };

  async #systemctl([verb = '', unit]: readonly string[]): Promise<void> {
    if (unit === 'redis-server') return this.#redisUnit(verb);
    if (verb === 'daemon-reload') return;
    if (unit !== 'mailhaul') throw new Error(`there is no unit ${unit}`);
    if (verb === 'enable' || verb === 'start') return this.#startService();
    if (verb === 'disable' || verb === 'stop') return this.#stopService();
    if (!['is-active', 'reload'].includes(verb)) throw new Error(`systemctl ${verb} is not known here`);
    if (!this.#active || (this.#service && this.#service.exitCode !== null)) throw new Error('inactive');
    if (verb === 'reload') this.#service?.kill('SIGHUP');
  }

  async #redisUnit(verb: string): Promise<void> {
    if (!['start', 'stop', 'restart'].includes(verb)) throw new Error(`systemctl ${verb} is not known here`);
    await ended(this.#redis);
    this.#redis = undefined;
    if (verb === 'stop') return;
    const file = this.mapped('/etc/redis/redis.conf');
    const place = ['--port', String(this.#ports.redis), '--bind', '127.0.0.1', '--dir', this.mapped('/var/lib/redis')];
    this.#redis = spawn('redis-server', [...(existsSync(file) ? [file] : []), ...place], { stdio: 'ignore' });
    const until = Date.now() + startTimeoutMs;
    while (!(await answers(this.#ports.redis))) {
      if (Date.now() > until || this.#redis.exitCode !== null) throw new Error('Redis did not come up');
      await wait(20);
    }
  }

  /** Runs what the unit file says, with the host's paths. */
  async #startService(): Promise<void> {
    const { command, environment, credentials } = readUnit(this.mapped('/etc/systemd/system/mailhaul.service'));
    const [program, script, ...args] = command;
    if (program !== '/usr/bin/node' || script !== '/opt/mailhaul/dist/src/cli.js') throw new Error(`starts ${program}`);
    const faults = [...commandFaults(args), ...variableFaults(Object.keys(environment))];
    if (faults.length > 0) throw new Error(faults.join('\n'));
    this.#active = true;
    const folder = join(this.root, 'credentials');
    mkdirSync(folder, { recursive: true });
    for (const [name, path] of Object.entries(credentials)) await copyFile(this.mapped(path), join(folder, name));
    const own = Object.entries(environment).map(([name, value]) => [name, value.replace('%d', folder)]);
    const child = spawn(process.execPath, [this.mapped(script), ...args.map((arg) => this.mapped(arg))], {
      cwd: dirname(this.mapped('/opt/mailhaul')),
      env: { PATH: process.env['PATH'], HOME: this.root, ...this.environment, ...Object.fromEntries(own) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#service = child;
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    const until = Date.now() + startTimeoutMs;
    while (!text.includes('"msg":"ready"')) {
      if (child.exitCode !== null || Date.now() > until) throw new Error(`the service did not come up:\n${text}`);
      await wait(20);
    }
  }

  async #stopService(): Promise<void> {
    if (!this.#active) throw new Error('inactive');
    const status = await ended(this.#service);
    this.#service = undefined;
    this.#active = false;
    if (status !== 0) throw new Error(`the service ended with status ${status}`);
  }

  async end(): Promise<void> {
    await ended(this.#service);
    await ended(this.#redis);
  }
}

async function ended(child: ChildProcess | undefined): Promise<number | null> {
  if (!child) return 0;
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
  return child.exitCode;
}

/** Any answer will do: a Redis with a password refuses PING. */
function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const end = (answer: boolean) => {
      socket.destroy();
      done(answer);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => end(/^(\+PONG|-NOAUTH)/.test(data.toString('latin1'))));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

function expectWords(words: readonly string[], wanted: readonly string[]): void {
  if (words.join(' ') !== wanted.join(' ')) throw new Error(`expected ${wanted.join(' ')}`);
}

/** What the flow tests share: a directory that ends with the test, lists, the built command as a process, its servers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'vitest';
import { BareSocket } from '../../src/demo/bare-socket.ts';
import { type Dovecot, type DovecotOptions, startDovecot } from '../../src/demo/dovecot.ts';
import type { AccountReport, Report } from '../../src/report/report.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { type PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Login, popList } from '../servers/witness.ts';

/** How a run of the command ended. */
export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
  /** Standard output as the one JSON document it must be. */
  readonly report: Report;
  /** The only account of the report. */
  readonly account: AccountReport;
}

/** A run of the command that may still be going on. */
export interface Haul {
  child: ChildProcess;
  ended: Promise<Ended>;
  /** What it printed so far. */
  readonly text: { readonly stdout: string; readonly stderr: string };
}

/** Columns of one line of the account list. */
export type Row = Readonly<Record<string, string | number>>;

const command = resolve('dist/src/cli.js');
/** What a run gets that takes a few seconds: less than its test does (vitest.config.ts). */
const limitMs = 100_000;

/** Waits that suit a test: what fails is tried again at once. */
export const quickSettings = {
  retryWaitsMs: '[20, 100, 300]',
  inDoubtWaitsMs: '[0, 50, 200]',
  reconcileMs: '500',
  appendIdleMs: '500',
  leaseMs: '2000',
} as const;

export class HaulRig {
  readonly directory: string;
  readonly #ends: (() => unknown)[] = [];
  #names = 0;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<HaulRig> {
    const rig = new HaulRig(await mkdtemp(join(tmpdir(), 'mailhaul-flow-')));
    rig.atEnd(() => rm(rig.directory, { recursive: true, force: true }));
    await rig.settings({});
    return rig;
  }

  get dataDir(): string {
    return join(this.directory, 'data');
  }

  /** Done at the end, the newest first. */
  atEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }

  /** A new directory inside the rig's. */
  async folder(): Promise<string> {
    this.#names += 1;
    const path = join(this.directory, `part-${this.#names}`);
    await mkdir(path);
    return path;
  }

  /** Writes a file that nobody else can read, as an account list should be. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.directory, name);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  /** Writes an account list; every line of it may have other columns. */
  list(rows: readonly Row[], name = 'accounts.csv'): Promise<string> {
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    const cell = (value: string | number = '') => `"${String(value).replaceAll('"', '""')}"`;
    const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(','));
    return this.file(name, [columns.join(','), ...lines, ''].join('\r\n'));
  }

  /** The settings of the runs from now on, besides the quick ones. */
  settings(more: Readonly<Record<string, string>>): Promise<string> {
    // Hosts of one Redis share the key of the seal.
    const sealKeyFile = join(this.directory, 'seal.key');
    const lines = Object.entries({ ...quickSettings, sealKeyFile, ...more }).map(
      ([name, value]) => `${name}: ${value}\n`,
    );
    return this.file('settings.yaml', lines.join(''));
  }

  /**
   * Starts `mailhaul …`, by itself or as the command of another program. One that is not through in time is killed, and
   * its end says so.
   */
  haul(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    { within = [], patienceMs = limitMs }: { within?: readonly string[]; patienceMs?: number } = {},
  ): Haul {
    const { PATH, HOME } = process.env;
    const [program = '', ...words] = [...within, process.execPath, command, ...args];
    const child = spawn(program, words, {
      // Services of tests that run side by side answer where there is room.
      env: { PATH, HOME, TMPDIR: tmpdir(), MAILHAUL_DASHBOARD_PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        text[name] += chunk;
      });
    }
    const timer = setTimeout(async () => {
      const log = await this.log().catch(() => 'there is none');
      text.stderr += `\nkilled by the test after ${patienceMs / 1000} s; the end of its log:\n${log.slice(-8000)}`;
      child.kill('SIGKILL');
    }, patienceMs);
    const ended = new Promise<Ended>((done, fail) => {
      child.once('error', fail);
      child.once('close', (status) => {
        clearTimeout(timer);
        done(endOf(status, text.stdout, text.stderr));
      });
    });
    this.atEnd(async () => {
      child.kill('SIGKILL');
      await ended;
    });
    return { child, ended, text };
  }

  /** Starts `mailhaul sync LIST` with the rig's data directory and settings. */
  startSync(list: string, args: readonly string[] = ['--json'], env: NodeJS.ProcessEnv = {}): Haul {
    const fixed = ['--config', join(this.directory, 'settings.yaml'), '--data-dir', this.dataDir];
    return this.haul(['sync', list, ...fixed, ...args], env);
  }

  /** Runs `mailhaul sync LIST` to its end. */
  sync(list: string, args: readonly string[] = ['--json'], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.startSync(list, args, env).ended;
  }

  /** Resolves when the condition holds; it is looked at in every turn of the event loop while the run goes on. */
  async reaches(condition: () => boolean, { ended }: Haul): Promise<void> {
    let over: Ended | undefined;
    void ended.then((end) => {
      over = end;
    });
    while (!condition()) {
      if (over) throw new Error(`the run ended first: ${over.status}\n${over.stdout}\n${over.stderr}`);
      await new Promise((resume) => setTimeout(resume, 1));
    }
  }

  /** What the command wrote to its log. */
  log(): Promise<string> {
    return readFile(join(this.dataDir, 'mailhaul.log'), 'utf8');
  }

  async dovecot(options: Omit<DovecotOptions, 'directory'>): Promise<Dovecot> {
    const server = await startDovecot({ directory: await this.folder(), ...options });
    this.atEnd(() => server.kill());
    return server;
  }

  async redis(): Promise<RedisServer> {
    const server = await startRedis({ directory: await this.folder() });
    this.atEnd(() => server.kill());
    return server;
  }

  async pop(behaviour: PopBehaviour): Promise<ScriptedPop3> {
    const server = await ScriptedPop3.start(behaviour);
    this.atEnd(() => server.close());
    return server;
  }

  /** An IMAP server that answers the first login with a line and closes. */
  async imapThatEnds(line: string): Promise<{ port: number }> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.write('* OK [CAPABILITY IMAP4rev1] hello\r\n');
      socket.on('data', (data) => {
        if (/^\S+ LOGIN/i.test(String(data))) socket.end(`${line}\r\n`);
        else socket.write(`${String(data).split(' ')[0]} OK done\r\n`);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.atEnd(() => server.close());
    return server.address() as AddressInfo;
  }

  async imap(behaviour: ImapBehaviour = {}): Promise<ScriptedImap> {
    const server = await ScriptedImap.start(behaviour);
    this.atEnd(() => server.stop());
    return server;
  }
}

function endOf(status: number | null, stdout: string, stderr: string): Ended {
  const parse = (): Report => {
    try {
      return JSON.parse(stdout);
    } catch {
      throw new Error(
        `no JSON on standard output; status ${status}\n${stdout.slice(0, 2000)}\n${stderr.slice(0, 4000)}`,
      );
    }
  };
  return {
    status,
    stdout,
    stderr,
    get report() {
      return parse();
    },
    get account() {
      const { accounts } = parse();
      expect(accounts).toHaveLength(1);
      return accounts[0]!;
    },
  };
}

/** Columns of one side on a port of 127.0.0.1, in plain text. */
export function side(prefix: 'pop' | 'imap', port: number, user: string, password: string): Row {
  return {
    [`${prefix}_host`]: '127.0.0.1',
    [`${prefix}_port`]: port,
    [`${prefix}_security`]: 'none',
    [`${prefix}_user`]: user,
    [`${prefix}_password`]: password,
  };
}

/** A line for one user of two scripted servers. */
export function scriptedRow(pop: { port: number }, imap: { port: number }, more: Row = {}): Row {
  return { id: 'one', ...side('pop', pop.port, 'user', 'secret'), ...side('imap', imap.port, 'ann', 'pw'), ...more };
}

/** A line for one user of two Dovecots. */
export function dovecotRow(source: Dovecot, destination: Dovecot, user: string, more: Row = {}): Row {
  return { ...side('pop', source.popPort, user, 'pw'), ...side('imap', destination.imapPort, user, 'pw'), ...more };
}

/** Promise 1: an independent client still lists every message of the source. */
export async function expectUntouched(login: Login, count: number): Promise<void> {
  expect((await popList(login)).count).toBe(count);
}

/** The scripted source still lists everything, and nobody asked it to delete anything. */
export async function expectScriptedUntouched(pop: ScriptedPop3): Promise<void> {
  const { messages = [], user = 'user', password = 'secret' } = pop.behaviour;
  const asked = [...pop.transcript];
  await expectUntouched({ port: pop.port, user, password }, messages.length);
  expect(asked.filter((line) => /^\s*(?:DELE|RSET)\b/i.test(line))).toEqual([]);
}

/** The keys of an object, sorted; nested ones are checked where they are made. */
function keysOf(value: object): string[] {
  return Object.keys(value).sort();
}

const messageKeys = 'appended duplicate failed known listed pending refused vanished'.split(' ');
const byteKeys = 'appended downloaded listed'.split(' ');
const accountKeys = 'bytes group id mailboxes messages problems repaired rewritten state'.split(' ');
const states = ['queued', 'running', 'waiting', 'paused', 'complete', 'incomplete', 'failed'];

/** Exactly the documented shape (design §4), every sum right, and nothing else on standard output. */
export function expectReport(ended: Ended): Report {
  const { report, stdout } = ended;
  expect(stdout.endsWith('}\n')).toBe(true);
  expect(keysOf(report)).toEqual(['accounts', 'run', 'totals', 'version']);
  expect(report.version).toBe(1);
  // A random sample of verify is stated besides.
  const runKeys = keysOf(report.run).filter((key) => key !== 'sample');
  expect(runKeys).toEqual(['finishedAt', 'id', 'seconds', 'startedAt']);
  expect(report.run.id).not.toBe('');
  const took = Date.parse(report.run.finishedAt) - Date.parse(report.run.startedAt);
  expect(Math.abs(took / 1000 - report.run.seconds)).toBeLessThan(0.06);
  for (const account of report.accounts) expectAccount(account, report.run.id === 'dry-run');
  expect(keysOf(report.totals)).toEqual(['accounts', 'bytes', 'messages']);
  expect(report.totals.accounts).toBe(report.accounts.length);
  expect(keysOf(report.totals.messages)).toEqual(messageKeys);
  expect(keysOf(report.totals.bytes)).toEqual(byteKeys);
  const total = (pick: (account: AccountReport) => number) =>
    report.accounts.reduce((sum, account) => sum + pick(account), 0);
  for (const name of messageKeys as (keyof AccountReport['messages'])[]) {
    expect(report.totals.messages[name]).toBe(total(({ messages }) => messages[name]));
  }
  for (const name of byteKeys as (keyof AccountReport['bytes'])[]) {
    expect(report.totals.bytes[name]).toBe(total(({ bytes }) => bytes[name]));
  }
  return report;
}

function expectAccount(account: AccountReport, dry: boolean): void {
  expect(keysOf(account)).toEqual(accountKeys);
  expect(states).toContain(account.state);
  expect(keysOf(account.messages)).toEqual(messageKeys);
  expect(keysOf(account.bytes)).toEqual(byteKeys);
  const { listed, known, appended, duplicate, refused, failed, vanished, pending } = account.messages;
  expect(known + appended + duplicate + refused + failed + vanished + pending).toBe(listed);
  for (const count of [...Object.values(account.messages), ...Object.values(account.bytes)]) {
    expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
  }
  const placed = Object.values(account.mailboxes).reduce((sum, count) => sum + count, 0);
  // A dry run says where pending mail would go, as far as that is known.
  if (dry) expect(placed).toBeLessThanOrEqual(pending);
  else expect(placed).toBe(appended);
  for (const problem of account.problems) {
    expect(keysOf(problem)).toEqual(['code', 'count', 'remedy', 'stops', 'text']);
    expect(['none', 'message', 'account', 'host', 'run']).toContain(problem.stops);
    expect(problem.count).toBeGreaterThan(0);
    expect(problem.text).not.toBe('');
    expect(problem.remedy).not.toBe('');
  }
}

/** What Redis answers to one command without an argument that has blanks. */
export async function redisSay(server: { port: number }, words: string): Promise<string> {
  const socket = await BareSocket.connect(server.port);
  try {
    socket.write(`${words}\r\n`);
    return await socket.line();
  } finally {
    socket.close();
  }
}

/** Files below a directory whose bytes hold a text; names that end in one of `but` are passed over. */
export async function filesWith(directory: string, text: string, but: readonly string[] = []): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile() || but.some((end) => entry.name.endsWith(end))) continue;
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(text)) found.push(path.slice(directory.length + 1));
  }
  return found;
}

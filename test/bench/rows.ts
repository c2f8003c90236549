/** The programs that are compared: how each is started, and what it says at its end. */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../src/report/report.ts';
import { startRedis } from '../servers/redis.ts';
import { atExit } from './at-exit.ts';
import { type Measured, MeasuredProcess } from './measured-process.ts';
import { hangMs } from './plain-loop.ts';
import { measureRedis, type RedisMemory } from './redis-memory.ts';
import { sumOf } from './statistics.ts';

/** One program of the comparison. */
export type RowName =
  | 'ceiling'
  | 'durable'
  | 'mailhaul'
  | 'mailhaul-split'
  | 'mailhaul-redis'
  | 'mailhaul-profiled'
  | 'loop';

/** What every program is told. */
export interface Task {
  readonly popPort: number;
  readonly imapPort: number;
  /** Source user and destination user. */
  readonly users: readonly (readonly [source: string, destination: string])[];
  /** Empty; data directories and account lists go here. */
  readonly directory: string;
}

/** The files that are run. */
export interface Programs {
  readonly mailhaul: string;
  readonly ceiling: string;
  readonly durable: string;
  readonly loop: string;
  readonly uidl: string;
  /** A directory for the profiles of V8, in one for each run. */
  readonly profiles: string;
}

/** A run, with what only some rows have. */
export interface Ran extends Measured {
  /** Messages that the program says it copied; undefined when it did not get that far. */
  said: number | undefined;
  /** Mailhaul's own report. */
  report?: Report;
  redis?: RedisMemory;
  /** Waits of the plain loop that its time does not contain. */
  hangs?: number;
  /** What a peer calls its version. */
  version?: string;
}

const limitMs = 20 * 60_000;
/** Two maildrops at a time use two cores; one mailbox takes no more than one. */
const ceilingAtOnce = 4;

/** Runs one program to its end. */
export function runRow(row: RowName, programs: Programs, task: Task): Promise<Ran> {
  const rows: Record<RowName, (programs: Programs, task: Task) => Promise<Ran>> = {
    ceiling: ({ ceiling }, of) => runCeiling([ceiling], of),
    durable: ({ durable }, of) => runCeiling([durable, of.directory], of),
    mailhaul: (given, of) => runMailhaul(given, of, []),
    'mailhaul-redis': (given, of) => withRedis(of, (url) => runMailhaul(given, of, ['--redis', url])),
    'mailhaul-profiled': async (given, of) => runMailhaul(given, of, [], profiling(await nextOf(given.profiles))),
    'mailhaul-split': (given, of) => withRedis(of, (url) => runSplit(given, of, url)),
    loop: runLoop,
  };
  return rows[row](programs, task);
}

/** Whether the program can run its roles apart. */
export function hasRoles(programs: Programs): boolean {
  const said = (command: string) =>
    spawnSync(process.execPath, [programs.mailhaul, command, '--help'], { encoding: 'utf8' });
  return ['start', 'sync'].every((command) => {
    const { status, stdout } = said(command);
    return status === 0 && stdout.includes('--roles');
  });
}

function start(task: Task, command: readonly string[]): MeasuredProcess {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, TMPDIR: tmpdir() };
  return MeasuredProcess.start([process.execPath, ...command], { directory: task.directory, limitMs, env });
}

/** Flags of Node.js: V8 looks twice a millisecond at what is going on, and the program is none the wiser. */
function profiling(directory: string): string[] {
  return ['--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=500'];
}

/** A directory for the profiles of the next run, named by its number. */
async function nextOf(profiles: string): Promise<string> {
  await mkdir(profiles, { recursive: true });
  const own = join(profiles, String((await readdir(profiles)).length + 1));
  await mkdir(own);
  return own;
}

function pairsOf({ users }: Task): string[] {
  return users.map((pair) => pair.join('='));
}

async function runCeiling(program: readonly string[], task: Task): Promise<Ran> {
  const ports = [task.popPort, task.imapPort].map(String);
  const measured = await start(task, [...program, ...ports, String(ceilingAtOnce), ...pairsOf(task)]).ended;
  return { ...measured, said: document<{ messages: number }>(measured)?.messages };
}

/** Logs in and asks for UIDL: what a re-run cannot do without. */
export async function runUidl({ uidl }: Programs, task: Task): Promise<Ran> {
  const measured = await start(task, [uidl, String(task.popPort), task.users[0]![0]]).ended;
  return { ...measured, said: document<{ messages: number }>(measured)?.messages };
}

async function runLoop({ loop }: Programs, task: Task): Promise<Ran> {
  const measured = await start(task, [loop, String(task.popPort), String(task.imapPort), ...pairsOf(task)]).ended;
  const said = document<{ messages: number; hangs: number }>(measured);
  const hangs = said?.hangs ?? 0;
  return {
    ...measured,
    wallSeconds: measured.wallSeconds - (hangs * hangMs) / 1000,
    said: said?.messages,
    hangs,
  };
}

/** `mailhaul sync` in its own directory of data below that of the task, with further options. */
export async function runMailhaul(
  { mailhaul }: Programs,
  task: Task,
  more: readonly string[],
  flags: readonly string[] = [],
): Promise<Ran> {
  const list = await writeList(task);
  const dataDir = join(task.directory, 'data');
  const options = ['--data-dir', dataDir, '--quiet', '--json', ...more];
  return withReport(await start(task, [...flags, mailhaul, 'sync', list, ...options]).ended);
}

/** Three processes on one Redis and one data directory; the time is that of the run, its workers' start included. */
async function runSplit({ mailhaul }: Programs, task: Task, url: string): Promise<Ran> {
  const list = await writeList(task);
  const shared = ['--redis', url, '--data-dir', join(task.directory, 'data')];
  const workers = ['pop', 'imap'].map((role) => start(task, [mailhaul, 'start', list, '--roles', role, ...shared]));
  const sync = start(task, [mailhaul, 'sync', list, '--roles', 'scheduler', ...shared, '--quiet', '--json']);
  const run = await sync.ended;
  for (const worker of workers) worker.signal('SIGTERM');
  const all = [run, ...(await Promise.all(workers.map(({ ended }) => ended)))];
  const failed = all.find(({ status }) => status !== 0);
  return withReport({
    status: failed ? failed.status : 0,
    stdout: run.stdout,
    stderr: all.map(({ stderr }) => stderr).join(''),
    wallSeconds: run.wallSeconds,
    userSeconds: sumOf(all, ({ userSeconds }) => userSeconds),
    systemSeconds: sumOf(all, ({ systemSeconds }) => systemSeconds),
    processes: all.flatMap(({ processes }) => processes),
  });
}

/** Runs on a Redis that was started by hand, and looks into it afterwards. */
async function withRedis(task: Task, run: (url: string) => Promise<Ran>): Promise<Ran> {
  const directory = await mkdtemp(join(task.directory, 'redis-'));
  const server = await startRedis({ directory });
  const forget = atExit(() => void process.kill(server.pid, 'SIGKILL'));
  try {
    const ran = await run(server.url);
    return { ...ran, redis: await measureRedis(server.url) };
  } finally {
    forget();
    await server.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

function withReport(measured: Measured): Ran {
  const report = document<Report>(measured);
  return { ...measured, said: report?.totals.messages.appended, ...(report ? { report } : {}) };
}

function document<Shape>({ stdout }: Measured): Shape | undefined {
  try {
    return JSON.parse(stdout) as Shape;
  } catch {
    return undefined;
  }
}

/** The account list of a task. */
export async function writeList(task: Task): Promise<string> {
  await mkdir(task.directory, { recursive: true });
  const path = join(task.directory, 'accounts.csv');
  const side = (name: string) => ['host', 'port', 'security', 'user', 'password'].map((column) => `${name}_${column}`);
  const login = (port: number, user: string) => ['127.0.0.1', port, 'none', user, 'pw'];
  const rows = task.users.map(([from, to]) => [from, ...login(task.popPort, from), ...login(task.imapPort, to)]);
  const lines = [['id', ...side('pop'), ...side('imap')], ...rows].map((row) => row.join(','));
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}

/** The master process of a Dovecot and its children: start, end, nothing left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { MailhaulError } from '../ground/errors.ts';

/** How the master is run. */
export interface MasterOptions {
  command: readonly [program: string, ...args: string[]];
  logFile: string;
  /** Ports of 127.0.0.1 where the server greets once it is up. */
  ports: readonly number[];
  /** Where the sockets are: made at the start, removed at the end, also when this process ends first. */
  runDirectory: string;
  /** Files below it that only the server's user may read: content by path. */
  runFiles: Readonly<Record<string, string>>;
}

const startTimeoutMs = 30_000;
const stopTimeoutMs = 20_000;
const pollMs = 10;
const running = new Set<DovecotMaster>();

/** One master process at a time. It leads a process group of its own, so that a Ctrl-C in the terminal is not its end. */
export class DovecotMaster {
  readonly #options: MasterOptions;
  #child: ChildProcess | undefined;

  constructor(options: MasterOptions) {
    this.#options = options;
  }

  /** The process id; 0 while nothing runs. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Returns when every port answers. Throws `demo-incomplete` with the server's own words when it does not come up. */
  async start(): Promise<void> {
    const { runDirectory, runFiles } = this.#options;
    await mkdir(runDirectory, { recursive: true });
    await chmod(runDirectory, 0o755);
    for (const [path, content] of Object.entries(runFiles)) await writeFile(path, content, { mode: 0o600 });
    const [program, ...args] = this.#options.command;
    const log = openSync(this.#options.logFile, 'a');
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    child.unref();
    this.#child = child;
    if (running.size === 0) process.once('exit', killAll);
    running.add(this);
    try {
      await once(child, 'spawn');
      await Promise.all(this.#options.ports.map((port) => this.#answers(child, port)));
    } catch (error) {
      await this.end('SIGKILL');
      throw error;
    }
  }

  /** Ends every process of the server, and returns when none is left. Does nothing while nothing runs. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const pid = this.#child?.pid;
    this.#child = undefined;
    running.delete(this);
    if (running.size === 0) process.removeListener('exit', killAll);
    if (pid === undefined) return;
    const deadline = Date.now() + stopTimeoutMs;
    // To the whole group: a login process whose client stays connected would outlive its master.
    send(-pid, signal);
    while (await hasLiving(pid)) {
      if (Date.now() > deadline) send(-pid, 'SIGKILL');
      await wait(pollMs);
    }
    await rm(this.#options.runDirectory, { recursive: true, force: true });
  }

  /** Leaves the server running when this process ends; whoever wants it gone sends SIGTERM to its pid. */
  leave(): void {
    running.delete(this);
    if (running.size === 0) process.removeListener('exit', killAll);
  }

  /** What is left to do when there is no time to wait. */
  killNow(): void {
    if (this.#child?.pid) send(-this.#child.pid, 'SIGKILL');
    rmSync(this.#options.runDirectory, { recursive: true, force: true });
  }

  async #answers(child: ChildProcess, port: number): Promise<void> {
    const deadline = Date.now() + startTimeoutMs;
    while (!(await connects(port))) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
        const words = readFileSync(this.#options.logFile, 'utf8').trim().split('\n').slice(-3).join(' ');
        throw new MailhaulError('demo-incomplete', { what: 'Dovecot', reason: `it did not start: ${words}` });
      }
      await wait(pollMs);
    }
  }
}

/** Whether the server greets. */
function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1', timeout: 5000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', () => end(true));
    for (const event of ['error', 'close', 'timeout']) socket.once(event, () => end(false));
  });
}

/** Sends a signal; false when there is no such process any more. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/**
 * Whether a process group has a member that is not a zombie: in a container whose first process reaps nobody, the
 * dead children of a dead master stay in the table for ever.
 */
async function hasLiving(group: number): Promise<boolean> {
  if (!send(-group, 0)) return false;
  const names = await readdir('/proc').catch(() => undefined);
  if (!names) return true;
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '');
    const [state, , processGroup] = line.slice(line.lastIndexOf(')') + 2).split(' ');
    if (Number(processGroup) === group && state !== 'Z') return true;
  }
  return false;
}

function killAll(): void {
  for (const master of running) master.killNow();
}

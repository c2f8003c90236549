/** A command as a process of its own, with what it cost: wall clock, CPU time with its children, peak resident memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { atExit } from './at-exit.ts';

/** One process of the tree that a command became. */
export interface ProcessPeak {
  pid: number;
  /** As the kernel calls it: `node`, `redis-server` … */
  name: string;
  /** VmHWM: peak resident memory in MB (10^6 bytes). */
  peakRssMB: number;
  /** CPU time that it and its children had taken when it was last seen, in seconds. */
  cpuSeconds: number;
}

/** How a command ended and what it cost. */
export interface Measured {
  status: number | null;
  stdout: string;
  stderr: string;
  wallSeconds: number;
  /** CPU time of the command and of all its children that it waited for. */
  userSeconds: number;
  systemSeconds: number;
  /** Empty where there is no /proc. */
  processes: ProcessPeak[];
}

/** How a command is run. */
export interface MeasureOptions {
  /** Where its times are written; must exist. */
  directory: string;
  /** It is killed after this time. */
  limitMs: number;
  env: NodeJS.ProcessEnv;
}

const pollMs = 50;
/** bash waits for its child and prints the times that the kernel counted for it (`times`, getrusage). */
const timer = 'TIMEFORMAT="%3U %3S"; { time "$@" 2>&4; } 4>&2 2>"$0"';
let started = 0;

/** A command that is being measured. */
export class MeasuredProcess {
  /** Never rejects for what the command does; rejects when it cannot be started. */
  readonly ended: Promise<Measured>;
  readonly #child: ChildProcess;
  readonly #peaks = new Map<number, ProcessPeak>();

  private constructor(command: readonly string[], options: MeasureOptions) {
    started += 1;
    const times = join(options.directory, `times-${process.pid}-${started}`);
    const begin = performance.now();
    this.#child = spawn('bash', ['-c', timer, times, ...command], {
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const forget = atExit(() => this.signal('SIGKILL'));
    const poll = setInterval(() => this.#look(), pollMs);
    const limit = setTimeout(() => this.signal('SIGKILL'), options.limitMs);
    const stdout = textOf(this.#child.stdout!);
    const stderr = textOf(this.#child.stderr!);
    this.ended = new Promise((done, fail) => {
      let wallSeconds = 0;
      this.#child.once('error', fail);
      this.#child.once('exit', () => {
        wallSeconds = (performance.now() - begin) / 1000;
      });
      this.#child.once('close', (status) => {
        clearInterval(poll);
        clearTimeout(limit);
        forget();
        const [userSeconds, systemSeconds] = cpuTimes(times);
        const processes = [...this.#peaks.values()].filter(({ name }) => name !== 'bash');
        done({ status, stdout: stdout(), stderr: stderr(), wallSeconds, userSeconds, systemSeconds, processes });
      });
    });
  }

  /** Starts a command. */
  static start(command: readonly string[], options: MeasureOptions): MeasuredProcess {
    return new MeasuredProcess(command, options);
  }

  /** Sends a signal to the command itself, not to the shell that waits for it; SIGKILL goes to all that it started, too. */
  signal(name: NodeJS.Signals): void {
    const shell = this.#child.pid;
    if (shell === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const commands = name === 'SIGKILL' ? descendantsOf(shell) : childrenOf(shell);
    for (const pid of commands.length > 0 ? commands : [shell]) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended by itself.
      }
    }
  }

  #look(): void {
    if (this.#child.pid === undefined) return;
    for (const pid of descendantsOf(this.#child.pid)) {
      const peak = peakOf(pid);
      // A program that replaces another in its process begins to count anew, and has the last word.
      if (peak) this.#peaks.set(pid, peak);
    }
  }
}

/** Peak resident memory of what ran, in MB: Mailhaul's own processes, and the Redis that it started. */
export function peaksOf(processes: readonly Pick<ProcessPeak, 'name' | 'peakRssMB'>[]): {
  programMB: number;
  redisMB: number;
} {
  const result = { programMB: 0, redisMB: 0 };
  for (const { name, peakRssMB } of processes) {
    // What a Redis forks to rewrite its file shares its memory, and there is one after the other: the largest counts.
    if (/^(?:redis|valkey)/.test(name)) result.redisMB = Math.max(result.redisMB, peakRssMB);
    else result.programMB += peakRssMB;
  }
  return result;
}

function textOf(stream: NodeJS.ReadableStream): () => string {
  const parts: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => parts.push(chunk));
  return () => Buffer.concat(parts).toString('utf8');
}

function cpuTimes(path: string): [user: number, system: number] {
  try {
    // What bash itself has to say, such as that the command was killed, stands before it.
    const [user = Number.NaN, system = Number.NaN] = (readFileSync(path, 'utf8').trim().split('\n').at(-1) ?? '')
      .split(' ')
      .map(Number);
    return [user, system];
  } catch {
    return [Number.NaN, Number.NaN];
  } finally {
    rmSync(path, { force: true });
  }
}

function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** utime, stime, cutime and cstime of proc(5), which counts in hundredths of a second. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name, which is the second field, may hold anything, brackets too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / 100;
}

function peakOf(pid: number): ProcessPeak | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
    const name = /^Name:\s+(.+)$/m.exec(status)?.[1];
    if (kilobytes === undefined || name === undefined) return undefined;
    return { pid, name, peakRssMB: (Number(kilobytes) * 1024) / 1e6, cpuSeconds: cpuOf(pid) };
  } catch {
    return undefined;
  }
}

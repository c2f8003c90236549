/** The shipped service as a process with default settings: what its log says, what it costs, how soon it answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { atExit } from './at-exit.ts';

const limitMs = 15 * 60_000;
const pollMs = 20;
/** Linux counts processor time in these for every program (USER_HZ). */
const ticksPerSecond = 100;
const warning = 40;

/** A service that was started, until `stop` or `kill`. */
export class ScaleService {
  /** Milliseconds since 1970. */
  readonly startedAt = Date.now();
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #ended: Promise<unknown>;
  readonly #forget: () => void;
  /** When lines with a message came, by the clock of the service. */
  readonly #times = new Map<string, number[]>();
  readonly #warnings: string[] = [];
  #url = '';
  #status: number | null | undefined;

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
    this.#ended = once(child, 'close').then(([status]) => {
      this.#status = status as number | null;
    });
    this.#forget = atExit(() => child.kill('SIGKILL'));
    createInterface({ input: child.stderr! }).on('line', (line) => this.#note(line));
  }

  /** Starts `mailhaul start LIST` on a Redis, with a data directory of its own and a free port. */
  static start(
    program: string,
    given: { list: string; redis: string; directory: string; more?: readonly string[] },
  ): ScaleService {
    const { list, redis, directory, more = [] } = given;
    const places = ['--redis', redis, '--data-dir', join(directory, 'data'), '--listen', '127.0.0.1:0'];
    const args = ['start', list, ...places, ...more];
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, [program, ...args], {
      // Where no settings file of a person can be found.
      cwd: directory,
      env: { PATH, HOME, TMPDIR: tmpdir() },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: limitMs,
    });
    return new ScaleService(child, directory);
  }

  /** When this line came. Throws when the service ended without it. */
  async line(msg: string): Promise<number> {
    await this.lines(msg, 1);
    return this.timesOf(msg)[0];
  }

  /** Resolves when so many lines came. Throws when the service ended before. */
  async lines(msg: string, count: number): Promise<void> {
    while ((this.#times.get(msg)?.length ?? 0) < count) {
      if (this.#status !== undefined) {
        throw new Error(`the service ended with ${this.#status} before ${count} × ${msg}: ${this.#warnings.slice(-3)}`);
      }
      await pause(pollMs);
    }
  }

  /** When the first and the last line with this message came. */
  timesOf(msg: string): [first: number, last: number] {
    const times = this.#times.get(msg) ?? [];
    return [Math.min(...times), Math.max(...times)];
  }

  /** Processor time so far; NaN where there is no /proc. */
  cpuSeconds(): number {
    // The name of the program, in brackets, may hold anything; user and system time are the 12th and 13th after it.
    const fields = this.#proc('stat').split(') ').at(-1)?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  }

  /** Resident memory now and at most, in MB; NaN where there is no /proc. */
  memory(): { rssMB: number; peakRssMB: number } {
    const status = this.#proc('status');
    const megabytes = (name: string) =>
      (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6;
    return { rssMB: megabytes('VmRSS'), peakRssMB: megabytes('VmHWM') };
  }

  /** Where its dashboard answers, and what it wants to be shown. */
  async address(): Promise<{ url: string; token: string }> {
    await this.line('dashboard');
    return { url: this.#url, token: (await readFile(join(this.#directory, 'data/token'), 'utf8')).trim() };
  }

  /** Asks the dashboard; returns how long the whole answer took, in milliseconds. Throws when it lacks `holds`. */
  async get(path: string, holds: string): Promise<number> {
    const { url, token } = await this.address();
    const began = performance.now();
    const answer = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${token}` } });
    const text = await answer.text();
    const took = performance.now() - began;
    if (!answer.ok || !text.includes(holds)) {
      throw new Error(`${path} answered ${answer.status} without ${holds}: ${text.slice(0, 400)}`);
    }
    return took;
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
    this.#forget();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
    this.#forget();
  }

  /** What was wrong with a service that has run every account once and was stopped. */
  problems(accounts: number): string[] {
    const problems: string[] = [];
    for (const msg of ['run begins', 'run ended']) {
      const count = this.#times.get(msg)?.length ?? 0;
      if (count !== accounts) problems.push(`${count} lines "${msg}" for ${accounts} accounts`);
    }
    return [...problems, ...this.faults()];
  }

  /** What was wrong with a service that was stopped, whatever it did. */
  faults(): string[] {
    const faults: string[] = [];
    if (this.#status !== 0) faults.push(`the service ended with status ${this.#status}`);
    if (this.#warnings.length > 0) faults.push(`${this.#warnings.length} warning(s): ${this.#warnings[0]}`);
    return faults;
  }

  #note(line: string): void {
    if (!line.startsWith('{')) return void this.#warnings.push(line);
    const { msg, time, level, url } = JSON.parse(line) as { msg: string; time: number; level: number; url?: string };
    const known = this.#times.get(msg);
    if (known) known.push(time);
    else this.#times.set(msg, [time]);
    if (msg === 'dashboard' && url !== undefined) this.#url = url;
    if (level >= warning) this.#warnings.push(line);
  }

  #proc(name: string): string {
    try {
      return readFileSync(`/proc/${this.#child.pid}/${name}`, 'latin1');
    } catch {
      return '';
    }
  }
}

/** The delay from the side of the benchmark: starts its process, and asks it what went over the lines. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { atExit } from './at-exit.ts';
import type { ConnectionCount } from './delay-proxy.ts';

/** Ports of servers that are far away. */
export class DelayedPorts {
  /** In the order of the targets. */
  readonly ports: readonly number[];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ports: readonly number[]) {
    this.#child = child;
    this.ports = ports;
  }

  /** `program` is the built delay-process; the delay is that of one way, in milliseconds. */
  static async start(program: string, oneWayMs: number, targets: readonly number[]): Promise<DelayedPorts> {
    const child = fork(program, [oneWayMs, ...targets].map(String), { execArgv: [] });
    atExit(() => void child.kill('SIGKILL'));
    const [message] = (await once(child, 'message')) as [{ ports: number[] }];
    return new DelayedPorts(child, message.ports);
  }

  /** For each port, every connection since the last call. */
  async takeCounts(): Promise<ConnectionCount[][]> {
    const answered = once(this.#child, 'message') as Promise<[{ counts: ConnectionCount[][] }]>;
    this.#child.send('counts');
    return (await answered)[0].counts;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

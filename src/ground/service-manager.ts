/**
 * What the service manager is told (sd_notify(3)): ready, stopping, alive. The socket it listens on takes datagrams,
 * which Node.js cannot send, so systemd's own program does it; being a child of ours it needs NotifyAccess=all.
 */

import { execFile } from 'node:child_process';
import { inTime } from './clock.ts';
import { printable } from './errors.ts';
import type { Log } from './log.ts';

const program = 'systemd-notify';
/** One word to the service manager may take this long. */
const sendMs = 5000;

/** The service manager that started this process; without one, every call does nothing. */
export class ServiceManager {
  /** How often the service manager wants a sign of life, in milliseconds; 0 where it wants none. */
  readonly watchdogMs: number;
  readonly #env: NodeJS.ProcessEnv;
  readonly #log: Log;
  readonly #isThere: boolean;
  #sent: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #complained = false;
  #silent = false;

  /** Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
  constructor(env: NodeJS.ProcessEnv, log: Log, pid: number = process.pid) {
    this.#env = env;
    this.#log = log;
    this.#isThere = Boolean(env['NOTIFY_SOCKET']);
    // sd_watchdog_enabled(3): the wish may be meant for another process that left its environment to us.
    const isMeant = env['WATCHDOG_PID'] === undefined || Number(env['WATCHDOG_PID']) === pid;
    const ms = Math.floor(Number(env['WATCHDOG_USEC'] ?? 0) / 1000);
    this.watchdogMs = this.#isThere && isMeant && ms > 0 ? ms : 0;
  }

  /**
   * The service does its work from now on. Where signs of life are wanted, `isAlive` is asked twice as often, and only
   * a true answer that comes in time is one: who hangs, or has lost what it works with, falls silent.
   */
  ready(status: string, isAlive: () => Promise<boolean>): Promise<void> {
    if (this.watchdogMs > 0 && this.#timer === undefined) {
      const everyMs = Math.max(1, Math.floor(this.watchdogMs / 2));
      this.#timer = setInterval(() => void this.#giveSign(isAlive, everyMs), everyMs);
      this.#timer.unref();
    }
    return this.#send('READY=1', statusLine(status));
  }

  /** A line for people, shown by `systemctl status`. Never a secret. */
  status(text: string): Promise<void> {
    return this.#send(statusLine(text));
  }

  /** The settings or the list are read again; `ready` says when that is done (Type=notify-reload). */
  reloading(): Promise<void> {
    return this.#send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  /** The end has begun. Signs of life go on until `close`: a drain takes its time. */
  stopping(status: string): Promise<void> {
    return this.#send('STOPPING=1', statusLine(status));
  }

  /** No further words. Waits for those that are under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sent;
  }

  async #giveSign(isAlive: () => Promise<boolean>, withinMs: number): Promise<void> {
    const alive = (await inTime(isAlive(), withinMs)) === true;
    if (alive) await this.#send('WATCHDOG=1');
    else if (!this.#silent) this.#log.warn('no sign of life');
    this.#silent = !alive;
  }

  /** One after the other, so that they arrive in their order. Never rejects. */
  #send(...words: string[]): Promise<void> {
    if (!this.#isThere) return Promise.resolve();
    this.#sent = this.#sent.then(
      () =>
        new Promise((done) => {
          const { NOTIFY_SOCKET, PATH } = this.#env;
          const options = { env: { NOTIFY_SOCKET, PATH }, timeout: sendMs };
          execFile(program, words, options, (error) => {
            if (error) this.#complain(error);
            done();
          });
        }),
    );
    return this.#sent;
  }

  #complain(error: { readonly message: string; readonly code?: unknown }): void {
    if (this.#complained) return;
    this.#complained = true;
    const reason = error.code === 'ENOENT' ? `${program} is not on the PATH` : printable(error.message);
    this.#log.warn({ reason }, 'service manager not told');
  }
}

function statusLine(text: string): string {
  return `STATUS=${printable(text, 200)}`;
}

/** What the tests of a service in many processes share: its parts, its clients, its API, and what must hold at the end. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { freePorts } from '../../src/demo/free-ports.ts';
import type { AccountStatus } from '../../src/operations/answers/account-status.ts';
import { compareMailboxes, mailboxContents, popContents } from '../servers/witness.ts';
import { type Ended, expectUntouched, type Haul, type HaulRig } from './haul-rig.ts';

/** Longer than any machine needs for what is waited for; shorter than the patience of the rig, which tells less. */
const tooLongMs = 150_000;
const lookMs = 50;
const patienceMs = 200_000;
const comparedAtOnce = 8;

/** What `mailhaul status --json` prints. */
export interface StatusDocument {
  readonly service: {
    readonly ready: boolean;
    readonly openRuns: number;
    readonly pauses: readonly { scope: string }[];
    readonly processes: readonly { readonly pid: number; readonly roles: readonly string[] }[];
  };
  readonly accounts: readonly AccountStatus[];
}

/** The parts of one service: processes on one Redis, the first of which has the dashboard. */
export class ServiceRig {
  readonly rig: HaulRig;
  readonly address: string;
  readonly #redisUrl: string;

  private constructor(rig: HaulRig, redisUrl: string, address: string) {
    this.rig = rig;
    this.#redisUrl = redisUrl;
    this.address = address;
  }

  static async make(rig: HaulRig, redisUrl: string): Promise<ServiceRig> {
    return new ServiceRig(rig, redisUrl, `127.0.0.1:${(await freePorts(1))[0]}`);
  }

  /** Where the dashboard has its token and its audit log. */
  get controlDir(): string {
    return join(this.rig.directory, 'control');
  }

  /** Starts a process with some roles; `within` is what it is started by, such as `ip netns exec NAME`. */
  async start(
    roles: string,
    dataDir: string,
    { list, redisUrl = this.#redisUrl, within = [] }: { list?: string; redisUrl?: string; within?: string[] } = {},
  ): Promise<Haul> {
    const words = list === undefined ? [] : [list];
    const fixed = ['--config', join(this.rig.directory, 'settings.yaml'), '--redis', redisUrl, '--data-dir', dataDir];
    const haul = this.rig.haul(
      ['start', ...words, '--roles', roles, '--listen', this.address, ...fixed],
      {},
      { within, patienceMs },
    );
    await this.rig.reaches(() => lines(haul, 'ready').length > 0, haul);
    return haul;
  }

  /** The scheduler and the dashboard, which follow a list. */
  control(list: string): Promise<Haul> {
    return this.start('scheduler,dashboard', this.controlDir, { list });
  }

  /** A client of the command line, which must end well. */
  async client(...args: string[]): Promise<Ended> {
    const config = join(this.rig.directory, 'settings.yaml');
    const fixed = ['--listen', this.address, '--config', config, '--data-dir', this.controlDir];
    const ended = await this.rig.haul([...args, ...fixed]).ended;
    expect(ended.stderr).toBe('');
    expect(ended.status).toBe(0);
    return ended;
  }

  async status(): Promise<StatusDocument> {
    return JSON.parse((await this.client('status', '--json')).stdout);
  }

  async api<T>(path: string): Promise<T> {
    const token = (await readFile(join(this.controlDir, 'token'), 'utf8')).trim();
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`http://${this.address}/api/${path}`, { headers });
    expect(answer.status).toBe(200);
    return (await answer.json()) as T;
  }

  /** Does a deed, without the time that a process of the command line takes. */
  async deed(name: 'pause' | 'resume' | 'run', body: object): Promise<void> {
    const token = (await readFile(join(this.controlDir, 'token'), 'utf8')).trim();
    const answer = await fetch(`http://${this.address}/api/${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status, await answer.text()).toBe(200);
  }

  /** What needs no token: its status and text. */
  async open(path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://${this.address}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  async accounts(): Promise<readonly AccountStatus[]> {
    return (await this.api<{ accounts: AccountStatus[] }>('accounts?limit=500')).accounts;
  }

  /** Waits until the accounts are as they should be; says what is not when a process of the service ends, or too long passes. */
  async until(
    holds: (accounts: readonly AccountStatus[]) => boolean,
    ...parts: readonly Haul[]
  ): Promise<readonly AccountStatus[]> {
    const began = Date.now();
    for (;;) {
      const accounts = await this.accounts();
      if (holds(accounts)) return accounts;
      if (Date.now() - began > tooLongMs) {
        const tails = parts.map(({ text }) => text.stderr.slice(-6000)).join('\n---\n');
        throw new Error(`the accounts stay as they are: ${JSON.stringify(accounts)}\n${tails}`);
      }
      for (const { child, text } of parts) {
        if (child.exitCode === null && child.signalCode === null) continue;
        throw new Error(`a process ended: ${child.exitCode ?? child.signalCode}\n${text.stderr.slice(-4000)}`);
      }
      await new Promise((resume) => setTimeout(resume, lookMs));
    }
  }
}

/** The lines of a process's log with this message, as objects. */
export function lines({ text }: Haul, msg: string): Record<string, unknown>[] {
  return text.stderr
    .split('\n')
    .filter((line) => line.includes(`"msg":"${msg}"`) && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}

/** Ends processes as systemd does; each must end well. */
export async function stopAll(parts: readonly Haul[]): Promise<void> {
  for (const { child } of parts) child.kill('SIGTERM');
  for (const { ended } of parts) {
    const { status, stderr, stdout } = await ended;
    expect(status, stderr.slice(-4000)).toBe(0);
    expect(stdout).toBe('');
  }
}

/** Kills a process as a power cut does, and returns when it is gone. */
export async function killAtOnce({ child, ended }: Haul): Promise<void> {
  child.kill('SIGKILL');
  await ended;
  expect(child.signalCode).toBe('SIGKILL');
}

export const sum = (accounts: readonly AccountStatus[], name: keyof AccountStatus['messages']): number =>
  accounts.reduce((total, { messages }) => total + messages[name], 0);

/** An account whose run is complete: everything that its source lists is settled, and the sums agree. */
export function expectComplete({ id, state, messages, run }: AccountStatus, listed: number): void {
  const { known, appended, duplicate, refused, failed, vanished, pending } = messages;
  expect({ id, state, listed: messages.listed }).toEqual({ id, state: 'complete', listed });
  expect(known + appended + duplicate + refused + failed + vanished + pending, id).toBe(listed);
  expect({ id, refused, failed, vanished, pending }).toEqual({ id, refused: 0, failed: 0, vanished: 0, pending: 0 });
  expect(run?.finishedAt, id).not.toBe(null);
}

/** Everything is at the destination once, with its bytes, and still at the source. */
export async function expectEqual(
  source: Dovecot,
  destination: Dovecot,
  counts: ReadonlyMap<string, number>,
): Promise<void> {
  const queue = counts.entries();
  const worker = async () => {
    for (const [user, count] of queue) {
      const login = { user, password: 'pw' };
      const found = await compareMailboxes(
        popContents({ ...login, port: source.popPort }),
        mailboxContents({ ...login, port: destination.imapPort }),
      );
      const wanted = { source: count, destination: count, exact: count, missing: 0, absent: 0, extra: 0, doubled: 0 };
      expect({ user, ...found }).toEqual({ user, ...wanted });
      await expectUntouched({ ...login, port: source.popPort }, count);
    }
  };
  await Promise.all(Array.from({ length: comparedAtOnce }, worker));
}

/** So many messages of a user, no two alike, whose bodies have lines with dots, bytes above 127 and all kinds of ends. */
export function mailOf(user: string, sizes: readonly number[]): { bytes: Buffer }[] {
  return sizes.map((size, at) => {
    const head = `Message-ID: <${user}.${at}@x>\r\nSubject: ${user} ${at}\r\nDate: Tue, 4 Mar 2014 10:20:30 +0100\r\n\r\n`;
    const line = `..${'y'.repeat(50)} \xfe ${at}\r\n.\r\n`;
    const body = line.repeat(Math.ceil(size / line.length));
    return { bytes: Buffer.from(`${head}${body}${['', 'end', 'end\r\n', '\r\n\r\n'][at % 4]}`, 'latin1') };
  });
}

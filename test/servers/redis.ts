/** A real Redis for tests, on a loopback port, with its data in one directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createConnection } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePorts } from '../../src/demo/free-ports.ts';

/** A running Redis. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Ends it in order. */
  stop(): Promise<void>;
  /** Kills it as a power cut of its process does: what it acknowledged is in its append-only file. */
  kill(): Promise<void>;
  /** Starts it again, on the same port with the same data; stops it first where it still runs. */
  restart(): Promise<void>;
}

const startTimeoutMs = 20_000;
const pollMs = 5;

/** Starts a Redis with an append-only file and `noeviction`, and returns when it answers PING. */
export async function startRedis(options: { directory: string; args?: readonly string[] }): Promise<RedisServer> {
  const [port = 0] = await freePorts(1);
  const binary = findRedis();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', options.directory, '--appendonly', 'yes'];
  const args = [...settings, '--maxmemory-policy', 'noeviction', '--save', '', ...(options.args ?? [])];
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn(binary, args, { stdio: 'ignore' });
    await answers(child, port);
  };
  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, 'exit');
    ending.kill(signal);
    await ended;
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM');
      await start();
    },
  };
}

function findRedis(): string {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of ['redis-server', 'valkey-server']) {
      const path = join(directory, name);
      if (runnable(path)) return path;
    }
  }
  throw new Error('neither redis-server nor valkey-server is on the PATH: npm run setup installs one');
}

/** True for a path that can be run. */
export function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function answers(child: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  while (!(await pings(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`Redis did not start on port ${port}`);
    await wait(pollMs);
  }
}

/** While Redis loads its data it answers with an error instead of PONG. */
function pings(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => end(data.toString('latin1').startsWith('+PONG')));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}

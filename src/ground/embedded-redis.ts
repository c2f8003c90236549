/** Mailhaul's own Redis: started where nobody named another, kept in the data directory, stopped at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { systemClock } from './clock.ts';
import { type Places, placesOf } from './embedded-places.ts';
import { MailhaulError, printable } from './errors.ts';
import { claim, isAlive, markOf, type ProcessMark, readMark, writeMark } from './process-owner.ts';
import { connectRedis } from './redis.ts';
import type { Settings } from './settings.ts';

/** A Redis of our own that answers. */
export interface EmbeddedRedis {
  /** For `connectRedis`. */
  url: string;
  pid: number;
  /** Ends it, with everything on disk. May be called again. Connections should be closed before. */
  stop(): Promise<void>;
}

interface Options extends Pick<Settings, 'redisStartTimeoutMs'> {
  /** Where redis-server and valkey-server are looked for; the PATH of this process by default. */
  path?: string | undefined;
}

/**
 * Starts Redis in `dataDir`/redis, or takes over the one that a killed Mailhaul left running there. Throws
 * `instance-running` if another living process uses it, `redis-missing` without a program to start, and
 * `redis-unreachable` if it does not answer within `redisStartTimeoutMs`.
 */
export async function startEmbeddedRedis(dataDir: string, options: Options): Promise<EmbeddedRedis> {
  const places = placesOf(resolve(dataDir));
  const release = await claim(places.owner, (owner) => isGone(owner, places));
  if (!release) throw new MailhaulError('instance-running', { where: resolve(dataDir) });
  let child: ChildProcess | undefined;
  try {
    const left = await isServed(places);
    if (!left) child = await launch(places, options.path ?? process.env['PATH'] ?? '');
    const pid = await waitForAnswer(places, options, child);
    let stopping: Promise<void> | undefined;
    const stop = () => {
      stopping ??= shutDown(places, options.redisStartTimeoutMs)
        .then(() => end(places, child, options.redisStartTimeoutMs))
        .then(() => clean(places, release));
      return stopping;
    };
    return { url: places.url, pid, stop };
  } catch (error) {
    // One that was left behind keeps running: it may be loading, and the next start takes it over.
    if (child) await end(places, child, options.redisStartTimeoutMs).then(() => clean(places, release));
    release();
    throw error;
  }
}

/** An owner on another host cannot be seen: it lives as long as somebody is connected to its Redis. */
async function isGone(owner: ProcessMark, places: Places): Promise<boolean> {
  const alive = isAlive(owner);
  if (alive !== undefined) return !alive;
  if (!(await takesConnections(places.socket))) return true;
  try {
    const handle = await connectRedis(places.url, { redisStartTimeoutMs: 2000, redisLostAfterMs: 2000 });
    const clients = String(await handle.client.client('LIST'))
      .trim()
      .split('\n').length;
    await handle.close();
    return clients < 2;
  } catch {
    return false;
  }
}

/** Whether the server that a killed owner left behind still runs; it may not listen yet. */
async function isServed(places: Places): Promise<boolean> {
  const mark = readMark(places.server);
  return (mark !== undefined && isAlive(mark) === true) || (await takesConnections(places.socket));
}

function takesConnections(socket: string): Promise<boolean> {
  return new Promise((done) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      done(true);
    });
    connection.once('error', () => done(false));
  });
}

async function launch(places: Places, path: string): Promise<ChildProcess> {
  const program = find(['redis-server', 'valkey-server'], path);
  if (program === undefined) throw new MailhaulError('redis-missing');
  rmSync(places.socket, { force: true });
  const log = openSync(places.log, 'w', 0o600);
  const settings = {
    port: '0',
    unixsocket: places.socket,
    unixsocketperm: '700',
    dir: places.folder,
    daemonize: 'no',
    // Warnings only, so that the file stays small.
    loglevel: 'warning',
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
    // The file is read at every start, and holds every step of a copy: without this up to 64 MB of them.
    'auto-aof-rewrite-min-size': '16mb',
    'maxmemory-policy': 'noeviction',
  };
  const words = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  // A session of its own: Ctrl-C in the terminal must not end it before Mailhaul has finished.
  const child = spawn(program, words, { cwd: places.folder, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  if (child.pid !== undefined) writeMark(places.server, markOf(child.pid));
  child.unref();
  return child;
}

/** The first of the programs that stands in the PATH. */
function find(programs: readonly string[], path: string): string | undefined {
  for (const program of programs) {
    for (const folder of path.split(delimiter)) {
      const file = join(folder, program);
      try {
        if (folder === '') continue;
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not here.
      }
    }
  }
  return undefined;
}

/** Waits for PING, or for the end of the child. The process number that Redis itself tells. */
async function waitForAnswer(places: Places, options: Options, child: ChildProcess | undefined): Promise<number> {
  const giveUp = new AbortController();
  const ended = new Promise<never>((_, fail) => {
    const early = (why: string) => {
      const reason = `${why}: ${lastWords(places.log)}`;
      fail(new MailhaulError('redis-unreachable', { where: places.url, reason }));
      giveUp.abort();
    };
    child?.once('error', (error) => early(error.message));
    child?.once('exit', (status, signal) => early(`it ended at once (${signal ?? `status ${status}`})`));
  });
  const timeouts = { redisStartTimeoutMs: options.redisStartTimeoutMs, redisLostAfterMs: options.redisStartTimeoutMs };
  const answered = connectRedis(places.url, { ...timeouts, signal: giveUp.signal });
  // Whichever loses is nobody's unhandled rejection.
  ended.catch(() => undefined);
  answered.catch(() => undefined);
  const handle = await Promise.race([answered, ended]);
  try {
    return Number(/^process_id:(\d+)/m.exec(await handle.client.info('server'))?.[1]);
  } finally {
    await handle.close();
  }
}

function lastWords(log: string): string {
  try {
    return printable(readFileSync(log, 'utf8').trim().split('\n').slice(-3).join(' ')) || 'it said nothing';
  } catch {
    return 'it said nothing';
  }
}

/** Ends Redis with its append-only file written to the end; one that does not go in time is killed. */
async function end(places: Places, child: ChildProcess | undefined, timeoutMs: number): Promise<void> {
  const server = readMark(places.server);
  child?.kill('SIGTERM');
  if (!server || !isAlive(server) || (await hasGone(server, child, timeoutMs))) return;
  process.kill(server.pid, 'SIGKILL');
  await hasGone(server, child, timeoutMs);
}

/**
 * By command: it is obeyed at once, and a signal up to a tenth of a second later; and the number of a process that is not
 * ours may mean another one here, in a container for instance.
 */
function shutDown(places: Places, timeoutMs: number): Promise<void> {
  return new Promise((done) => {
    const connection = connect(places.socket, () => connection.write('SHUTDOWN\r\n'));
    const end = () => void connection.destroy();
    // It answers only what it refuses.
    connection.once('data', end);
    connection.setTimeout(timeoutMs, end);
    // It does not answer, or is gone already.
    connection.once('error', end);
    connection.once('close', () => done());
  });
}

async function hasGone(server: ProcessMark, child: ChildProcess | undefined, timeoutMs: number): Promise<boolean> {
  if (child?.pid === server.pid) {
    const gone = child.exitCode !== null || child.signalCode !== null;
    const exit = new Promise<boolean>((done) => child.once('exit', () => done(true)));
    const late = new AbortController();
    const timeout = systemClock.wait(timeoutMs, late.signal).then(() => false);
    timeout.catch(() => undefined);
    return gone || (await Promise.race([exit, timeout]).finally(() => late.abort()));
  }
  // No event tells of the end of a process that is not a child.
  const until = systemClock.now() + timeoutMs;
  while (isAlive(server) && systemClock.now() < until) await systemClock.wait(10);
  return !isAlive(server);
}

function clean(places: Places, release: () => void): void {
  rmSync(places.socket, { force: true });
  rmSync(places.server, { force: true });
  release();
}

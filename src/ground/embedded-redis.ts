/** Mailhaul's own Redis: started where nobody named another, kept in the data directory, stopped at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { systemClock } from './clock.ts';
import { canMend, mendAppendOnlyFile } from './embedded-mend.ts';
import { type Places, placesOf } from './embedded-places.ts';
import { askWhoAnswers, takesConnections, tellToEnd } from './embedded-talk.ts';
import { MailhaulError, printable } from './errors.ts';
import { claim, isAlive, markOf, type ProcessMark, readMark, writeMark } from './process-owner.ts';
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

/** How soon after a look it is looked again whether Redis answers: a part of the time that it has taken, within these. */
const lookAgainMs = { least: 2, part: 1 / 16, most: 50 } as const;

/** What was begun early and nobody has asked for yet, by its data directory. */
const early = new Map<string, Promise<EmbeddedRedis>>();

/** Whether the settings name no Redis, so that we have one of our own. */
export function isOwnRedis({ redis, redisSentinels }: Pick<Settings, 'redis' | 'redisSentinels'>): boolean {
  return redis === null && redisSentinels.length === 0;
}

/**
 * Begins to start it for who asks `startEmbeddedRedis` soon: Redis reads its file while this process loads what needs it.
 * Settles when its process runs, and never rejects: whoever asks hears what went wrong. Returns how to end it if nobody
 * has asked.
 */
export async function beginEmbeddedRedis(dataDir: string, options: Options): Promise<() => Promise<void>> {
  const key = resolve(dataDir);
  await new Promise<void>((launched) => {
    const starting = start(key, options, launched);
    starting.catch(() => launched());
    early.set(key, starting);
  });
  return async () => {
    const left = early.get(key);
    early.delete(key);
    await left?.then((redis) => redis.stop()).catch(() => undefined);
  };
}

/**
 * Starts Redis in `dataDir`/redis, or takes over the one that a killed Mailhaul left running there. Throws
 * `instance-running` if another living process uses it, `redis-missing` without a program to start, and
 * `redis-unreachable` if it does not answer within `redisStartTimeoutMs`.
 */
export function startEmbeddedRedis(dataDir: string, options: Options): Promise<EmbeddedRedis> {
  const key = resolve(dataDir);
  const begun = early.get(key);
  early.delete(key);
  return begun ?? start(key, options);
}

async function start(dataDir: string, options: Options, launched = () => {}): Promise<EmbeddedRedis> {
  const places = placesOf(dataDir);
  const release = await claim(places.owner, (owner) => isGone(owner, places));
  if (!release) throw new MailhaulError('instance-running', { where: dataDir });
  let child: ChildProcess | undefined;
  try {
    const program = (await isServed(places)) ? undefined : serverProgram(options);
    if (program !== undefined) child = launch(places, program, 'w');
    launched();
    const pid = await waitForAnswer(places, options, child).catch(async (error: unknown) => {
      if (program === undefined || !canMend(places)) throw error;
      await mendAppendOnlyFile(places, program);
      child = launch(places, program, 'a');
      return waitForAnswer(places, options, child);
    });
    let stopping: Promise<void> | undefined;
    const stop = () => {
      stopping ??= tellToEnd(places.socket, options.redisStartTimeoutMs)
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
    const { connectRedis } = await import('./redis.ts');
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
  if (mark !== undefined && isAlive(mark) === true) return true;
  return existsSync(places.socket) && takesConnections(places.socket);
}

function serverProgram({ path = process.env['PATH'] ?? '' }: Options): string {
  const program = find(['redis-server', 'valkey-server'], path);
  if (program === undefined) throw new MailhaulError('redis-missing');
  return program;
}

/** `mode` is that of its log: `a` keeps what the one before it had to say. */
function launch(places: Places, program: string, mode: 'w' | 'a'): ChildProcess {
  rmSync(places.socket, { force: true });
  const log = openSync(places.log, mode, 0o600);
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
    // Redis would cut a file off inside a transaction, and take its half together with the next one: see embedded-mend.ts.
    'aof-load-truncated': 'no',
    // The file is read at every start, and holds every step of a copy, which take Redis three times as long as what came of
    // them: without this up to 64 MB of steps, and then as much again as came of them.
    'auto-aof-rewrite-min-size': '4mb',
    'auto-aof-rewrite-percentage': '50',
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
  const unreachable = (reason: string) => new MailhaulError('redis-unreachable', { where: places.url, reason });
  const ended = new Promise<never>((_, fail) => {
    const early = (why: string) => fail(unreachable(`${why}: ${lastWords(places.log)}`));
    child?.once('error', (error) => early(error.message));
    child?.once('exit', (status, signal) => early(`it ended at once (${signal ?? `status ${status}`})`));
  });
  // Whichever loses is nobody's unhandled rejection.
  ended.catch(() => undefined);
  const began = systemClock.now();
  const until = began + options.redisStartTimeoutMs;
  let lastWord = 'it does not answer';
  for (;;) {
    const said = await Promise.race([askWhoAnswers(places.socket, until - systemClock.now()), ended]);
    // The last time there may be no time left for an answer.
    lastWord = printable(said) || lastWord;
    const pid = /^\+PONG\r\n[\s\S]*^process_id:(\d+)/m.exec(said)?.[1];
    if (pid !== undefined) return Number(pid);
    const now = systemClock.now();
    if (now >= until) throw unreachable(lastWord);
    const pause = Math.max(lookAgainMs.least, (now - began) * lookAgainMs.part);
    await Promise.race([systemClock.wait(Math.min(pause, lookAgainMs.most)), ended]);
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

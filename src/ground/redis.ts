/** The connection to Redis: the only place that knows ioredis. */
import { type Command, Redis, type RedisOptions } from 'ioredis';
import { MailhaulError, printable } from './errors.ts';
import { isTooEarly, outliveErrors, waitUntilReady, writeTogether } from './redis-socket.ts';
import { type RedisAccess, redisTarget } from './redis-target.ts';
import type { Settings } from './settings.ts';

/** The type of a connection, for those that use one and need not know whose it is. */
export type RedisClient = Redis;

/** A connection to Redis, with what others need to make more of them. */
export interface RedisHandle {
  /** Commands wait during an outage, and fail with `redis-unreachable` when they have waited `redisLostAfterMs`. */
  client: Redis;
  /** A further connection for BullMQ, which may block as long as it likes; `close` closes it too. */
  duplicate(): Redis;
  /** Aborted when an outage has lasted `redisLostAfterMs`: what waits for Redis waits in vain. */
  readonly lost: AbortSignal;
  /** Where Redis is, for people: the URL without user name and password. */
  where: string;
  /** Ends all connections. Never throws. */
  close(): Promise<void>;
}

/** Which Redis, how long to wait for it, and how to log in there. */
export type RedisConnectOptions = Pick<Settings, 'redisStartTimeoutMs' | 'redisLostAfterMs'> &
  Partial<RedisAccess> & { signal?: AbortSignal; env?: NodeJS.ProcessEnv };

const retryMaxMs = 250;
const replacedEvent = 'replaced';
type ReadyCheckDone = (error: Error | null, info?: { run_id?: string }) => void;

/**
 * Scripts (text and digest) that hold under a fence: one that waited while another server took over is not sent there,
 * since what was written just before it may be missing. It fails with `lease-lost`.
 */
export const fencedScripts = new Set<string>();

/**
 * Calls back when another server than before answers on the connection of a handle: one that may have forgotten what
 * was acknowledged last (asynchronous replication, an append-only file that is synced every second). Returns how to
 * stop that.
 */
export function onReplaced(client: RedisClient, listener: () => void): () => void {
  client.on(replacedEvent, listener);
  return () => void client.off(replacedEvent, listener);
}

/**
 * Connects to `redis://`, `rediss://` or `unix:///PATH`, or with null to the master that the sentinels of the settings
 * name, and waits until it answers PING. Throws `settings-invalid` for another URL, and `redis-unreachable` when there was no answer within `redisStartTimeoutMs` or the login is refused.
 * `signal` ends the waiting. A command that failed with `redis-unreachable` may have been carried out: its answer is what is missing.
 */
export async function connectRedis(url: string | null, options: RedisConnectOptions): Promise<RedisHandle> {
  const target = redisTarget(url, options, options.env ?? process.env);
  const connections = new Set<Connection>();
  const first = { ...target.options, commandTimeout: options.redisStartTimeoutMs };
  const client = new Connection(target.where, first, connections);
  // Every lease listens.
  client.setMaxListeners(0);
  const close = async () => {
    await Promise.all([...connections].map((connection) => connection.finish()));
    connections.clear();
  };
  const giveUp = () => void close();
  options.signal?.addEventListener('abort', giveUp);
  try {
    await client.ping();
  } catch (error) {
    await close();
    throw unreachable(target.where, client.lastError ?? error);
  } finally {
    options.signal?.removeEventListener('abort', giveUp);
  }
  client.options.commandTimeout = options.redisLostAfterMs;
  // A peer that vanished without a word is noticed by its silence.
  client.options.socketTimeout = options.redisLostAfterMs;
  client.lostAfterMs = options.redisLostAfterMs;
  const duplicate = () => {
    const blocking = { commandTimeout: undefined, socketTimeout: undefined, maxRetriesPerRequest: null };
    return client.another(blocking);
  };
  return { client, duplicate, lost: client.lost.signal, where: target.where, close };
}

/** An ioredis connection that never gives up reconnecting, but fails what has waited too long. */
class Connection extends Redis {
  /** How long an outage may last before waiting commands fail. */
  lostAfterMs = Number.POSITIVE_INFINITY;
  /** What was last heard of the connection; undefined while it is well. */
  lastError: Error | undefined;
  readonly lost = new AbortController();
  #server: string | undefined;
  /** Counts the servers that answered, one after the other. */
  #epoch = 0;
  readonly #epochs = new WeakMap<Command, number>();
  readonly #where: string;
  /** All that were made from the first one, for its end. */
  readonly #family: Set<Connection>;
  #lostAt: number | undefined;
  /** While the ready check is being sent. */
  #checking = false;

  constructor(where: string, options: RedisOptions, family: Set<Connection>) {
    const fixed = {
      disconnectTimeout: 200,
      lazyConnect: true,
      maxRetriesPerRequest: null,
      enableReadyCheck: true,
      // A Redis that is reading its append-only file is looked at again soon, not after the whole second it asks for.
      maxLoadingRetryTime: 50,
    } as const;
    super({ ...options, ...fixed } as RedisOptions & { replyMapping?: 'legacy' });
    this.#where = where;
    this.#family = family.add(this);
    this.once('end', () => family.delete(this));
    this.duplicate = ((override?: Partial<RedisOptions>) => this.another(override)) as unknown as Redis['duplicate'];
    this.options.retryStrategy = (times) => this.#retryDelay(times);
    // While no sentinel knows a master there is no try that could fail: the outage is counted here instead.
    this.options.sentinelRetryStrategy = (times) => this.#retryDelay(times);
    this.options.reconnectOnError = afterReconnect;
    this.#watchServer();
    outliveErrors(this);
    const { connector } = this as unknown as { connector: { connectToSentinel?: (...place: unknown[]) => Redis } };
    const connect = connector.connectToSentinel?.bind(connector);
    if (connect) connector.connectToSentinel = (...place) => outliveErrors(connect(...place));
    this.on('error', (error: Error) => {
      this.lastError = error;
    });
    this.on('ready', () => {
      this.lastError = undefined;
      this.#lostAt = undefined;
    });
  }

  /** Notes which server answers before anything that waits is sent to it: it may lack the last writes. */
  #watchServer(): void {
    const checked = this as unknown as { _readyCheck(done: ReadyCheckDone): void };
    const check = checked._readyCheck.bind(this);
    checked._readyCheck = (done) => {
      this.#checking = true;
      check((error, info) => {
        const found = info?.run_id ?? '';
        const isNew = this.#server !== undefined && (found === '' || found !== this.#server);
        if (!error) this.#server = found;
        if (!error && isNew) {
          this.#epoch += 1;
          this.emit(replacedEvent);
        }
        done(error, info);
      });
      this.#checking = false;
    };
  }

  /** True for a command that began under another server and must hold there alone. */
  #isStale(command: Command): boolean {
    if (!/^eval(?:sha)?$/i.test(command.name) || !fencedScripts.has(String(command.args[0]))) return false;
    const began = this.#epochs.get(command) ?? this.#epoch;
    this.#epochs.set(command, began);
    return began !== this.#epoch;
  }

  /** Milliseconds until the next try; commands that have waited for the whole of a long outage fail now. */
  #retryDelay(times: number): number {
    this.#lostAt ??= performance.now();
    if (performance.now() - this.#lostAt >= this.lostAfterMs) {
      this.lost.abort();
      flush(this, unreachable(this.#where, this.lastError ?? new Error('the connection was lost')));
    }
    return Math.min(times * 20, retryMaxMs);
  }

  /** Every command passes here: what the connection does to it becomes an error of the table. */
  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    if (this.#isStale(command)) {
      command.reject(new MailhaulError('lease-lost', { what: 'this login: another Redis answers than before' }));
      return command.promise;
    }
    if (!stream && !this.#checking && isTooEarly(this, command)) {
      waitUntilReady(this, command);
      return command.promise;
    }
    const reject = command.reject;
    command.reject = (error) => reject(this.#classify(error));
    writeTogether(this);
    return super.sendCommand(command, stream);
  }

  #classify(error: Error): Error {
    const reply = error as Error & { command?: { name: string; args: unknown[] } };
    // ioredis hangs the command on the error, and these carry the password.
    if (reply.command && /^(auth|hello)$/i.test(reply.command.name)) reply.command.args = [];
    if (error instanceof MailhaulError) return error;
    // In the words of Redis 7 first; Redis 6 names the script before it.
    const full = /\bOOM command not allowed\b/.test(error.message);
    if (error.name === 'ReplyError') return full ? new MailhaulError('redis-full', { where: this.#where }) : error;
    return unreachable(this.#where, this.lastError ?? error);
  }

  /**
   * What `duplicate` is for others, BullMQ among them: the other must behave as this one does. It is on its way already:
   * BullMQ would ask for the connection otherwise, is told of the first try alone, and never works again if that one fails.
   */
  another(override?: Partial<RedisOptions>): Connection {
    const other = new Connection(this.#where, { ...this.options, ...override } as RedisOptions, this.#family);
    other.lostAfterMs = this.lostAfterMs;
    other.connect().catch(() => undefined);
    return other;
  }

  /** Ends the connection for good: with QUIT where it is well, so that what was sent is answered first. */
  async finish(): Promise<void> {
    const ended = new Promise<void>((done) => this.once('end', () => done()));
    const was: string = this.status;
    if (was === 'end') return;
    // A blocked connection would answer QUIT only when what it waits for has come.
    if (was === 'ready' && this.options.commandTimeout !== undefined) await this.quit().catch(() => undefined);
    this.disconnect();
    // Between two tries there is no socket whose end ioredis could notice.
    if (was === 'reconnecting') endNow(this, unreachable(this.#where, this.lastError ?? new Error('it was closed')));
    await ended;
  }
}

/**
 * A master that was demoted refuses what it would have taken, and did nothing of it: the command is sent again, to the
 * master that the sentinels name by then.
 */
function afterReconnect({ message }: Error): false | 2 {
  return /^(?:READONLY|UNBLOCKED|MASTERDOWN) /.test(message) ? 2 : false;
}

/** Fails everything that waits in a connection, sent or not. */
function flush(connection: Redis, error: Error): void {
  (connection as unknown as { flushQueue(error: Error): void }).flushQueue(error);
}

function endNow(connection: Redis, error: Error): void {
  (connection as unknown as { setStatus(status: 'end'): void }).setStatus('end');
  flush(connection, error);
}

/** Never with a cause: the errors of ioredis carry the commands, and so the password. */
function unreachable(where: string, error: unknown): MailhaulError {
  if (error instanceof MailhaulError) return error;
  const { message, code } = error as NodeJS.ErrnoException;
  const reason = printable(message.replace(/ Retrying from scratch after \d+ms\./, '') || code || 'unknown reason');
  return new MailhaulError('redis-unreachable', { where, reason });
}

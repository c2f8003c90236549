/**
 * The version of the data in Redis. Every process says which version it works with as long as it lives; one that finds
 * older data migrates it, when no older process is at work; one that finds newer data leaves it alone.
 */
import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../ground/clock.ts';
import { MailhaulError } from '../ground/errors.ts';
import { releaseKey, renewKey, takeKey } from '../ground/held-key.ts';
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';

/** One step from a version to the next. It may be cut off anywhere and begun again, so done twice it must do no harm. */
export interface Migration {
  /** The version that it makes. */
  readonly to: number;
  /** Does it; `confirm` throws when another process may have taken over, and is asked before each batch of writes. */
  run(redis: RedisClient, confirm: () => Promise<void>): Promise<void>;
}

/** Which version a program knows, and how older data gets there. */
export interface LedgerFormat {
  readonly version: number;
  /** In ascending order of `to`, without a gap. */
  readonly migrations: readonly Migration[];
}

/** The format of this program. Data without a version is that of the first builds: version 1. */
export const ledgerFormat: LedgerFormat = { version: 1, migrations: [] };

/** What the check needs. */
export interface VersionOptions {
  /** How long a process that has died counts as at work, and how long its migration stays its own. */
  readonly leaseMs: number;
  /** How long the migration of another process is waited for. */
  readonly redisStartTimeoutMs: number;
  /** Redis, for people. */
  readonly where: string;
  readonly format?: LedgerFormat;
  readonly clock?: Clock;
}

const setUnderLease = new Script(`
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[2], ARGV[2])
  return 1
`);
// By the clock of Redis: those of the hosts may differ by more than a lease.
const tellScript = new Script(`
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now)
  redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
  return redis.call('ZRANGE', KEYS[1], 0, -1)
`);
const pollMs = 50;

/**
 * The word of one process that it works with a version of the data, renewed until it is closed. Who means to migrate
 * writes its lease first and then looks for such words; who starts gives its word first and then looks for the lease:
 * one of the two sees the other.
 */
export class LedgerVersion {
  readonly #redis: RedisClient;
  readonly #options: VersionOptions;
  readonly #format: LedgerFormat;
  readonly #clock: Clock;
  readonly #token = randomBytes(16).toString('hex');
  #timer: NodeJS.Timeout | undefined;

  private constructor(redis: RedisClient, options: VersionOptions) {
    this.#redis = redis;
    this.#options = options;
    this.#format = options.format ?? ledgerFormat;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Returns when the data has the version of this program. Throws `ledger-newer`, `ledger-in-use` and
   * `ledger-migrating`; what a step of a migration throws comes out unchanged.
   */
  static async open(redis: RedisClient, options: VersionOptions): Promise<LedgerVersion> {
    const version = new LedgerVersion(redis, options);
    try {
      await version.#tell();
      await version.#reach();
      version.#timer = setInterval(() => void version.#renew().catch(() => {}), options.leaseMs / 3);
      version.#timer.unref();
      return version;
    } catch (error) {
      await version.close();
      throw error;
    }
  }

  /** Takes the word back. Never throws: it lapses by itself. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#redis.zrem(globalKeys.processes, this.#member).catch(() => {});
  }

  get #member(): string {
    return `${this.#format.version}:${this.#token}`;
  }

  /** Gives or renews the word; the words of all processes at work, this one's among them. */
  async #tell(): Promise<string[]> {
    const args = [this.#member, this.#options.leaseMs];
    return (await tellScript.run(this.#redis, [globalKeys.processes], args)) as string[];
  }

  /** A Redis that was emptied under way learns the version again, before its data could be taken for that of version 1. */
  async #renew(): Promise<void> {
    await this.#tell();
    await this.#redis.set(globalKeys.version, this.#format.version, 'NX');
  }

  async #reach(): Promise<void> {
    const until = this.#clock.now() + this.#options.redisStartTimeoutMs;
    const { version: known } = this.#format;
    for (;;) {
      const [migrating, found] = await Promise.all([this.#redis.exists(globalKeys.migration), this.#found()]);
      if (found > known) throw this.#error('ledger-newer', { found, known });
      if (migrating === 0 && (found === known || (await this.#migrate()))) return;
      if (this.#clock.now() >= until) throw this.#error('ledger-migrating', {});
      await this.#tell();
      await this.#clock.wait(pollMs);
    }
  }

  /** The version of the data. An empty Redis gets that of this program. */
  async #found(): Promise<number> {
    const text = await this.#redis.get(globalKeys.version);
    if (text !== null) return this.#read(text);
    const first = (await this.#hasData()) ? 1 : this.#format.version;
    await this.#redis.set(globalKeys.version, first, 'NX');
    return this.#read((await this.#redis.get(globalKeys.version)) ?? String(first));
  }

  /** What is no number was written by a program that this one does not know. */
  #read(text: string): number {
    const number = Number(text);
    if (Number.isSafeInteger(number) && number > 0) return number;
    throw this.#error('ledger-newer', { found: text, known: this.#format.version });
  }

  /** True where an account has left anything. Only a Redis that never saw a version is searched, once. */
  async #hasData(): Promise<boolean> {
    let cursor = '0';
    do {
      const [next, keys] = await this.#redis.scan(cursor, 'MATCH', globalKeys.pattern, 'COUNT', 1000);
      if (keys.some((key) => key.includes(':{'))) return true;
      cursor = next;
    } while (cursor !== '0');
    return false;
  }

  /** Takes the lease and does the steps that are missing. False where another process has the lease. */
  async #migrate(): Promise<boolean> {
    const { leaseMs } = this.#options;
    if (!(await takeKey(this.#redis, globalKeys.migration, this.#token, leaseMs))) return false;
    const renewing = setInterval(() => void this.#confirm().catch(() => {}), leaseMs / 3);
    try {
      for (;;) {
        const found = await this.#found();
        if (found >= this.#format.version) return true;
        await this.#refuseOlder(found);
        await this.#step(found);
      }
    } finally {
      clearInterval(renewing);
      await releaseKey(this.#redis, globalKeys.migration, this.#token).catch(() => {});
    }
  }

  async #step(found: number): Promise<void> {
    const step = this.#format.migrations.find(({ to }) => to === found + 1);
    if (!step) throw new Error(`there is no migration from version ${found} to ${found + 1}`);
    await step.run(this.#redis, () => this.#confirm());
    const set = await setUnderLease.run(
      this.#redis,
      [globalKeys.migration, globalKeys.version],
      [this.#token, step.to],
    );
    if (set !== 1) throw this.#error('ledger-migrating', {});
  }

  async #confirm(): Promise<void> {
    const ours = await renewKey(this.#redis, globalKeys.migration, this.#token, this.#options.leaseMs);
    if (!ours) throw this.#error('ledger-migrating', {});
  }

  async #refuseOlder(found: number): Promise<void> {
    const { version: known } = this.#format;
    const members = await this.#tell();
    const count = members.filter((member) => Number.parseInt(member, 10) < known).length;
    if (count > 0) throw this.#error('ledger-in-use', { found, known, count });
  }

  #error(code: 'ledger-newer' | 'ledger-in-use' | 'ledger-migrating', details: Record<string, string | number>) {
    return new MailhaulError(code, { where: this.#options.where, ...details });
  }
}

/** The imported account list in Redis, passwords sealed. Every process of a service sees the same one. */
import { randomBytes } from 'node:crypto';
import { MailhaulError } from '../ground/errors.ts';
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import type { Account } from './account.ts';
import type { Seal } from './seal.ts';
import { assertOpens, type CheckedSeal, checkValue, openSeal } from './seal-check.ts';
import { fromStored, type ListedAccount, toStored } from './stored-account.ts';

/** Reads that another process's changes may spoil before one of them counts as endless. */
const triesAtMost = 20;

// Versions are random, not counted: a Redis that was emptied must not come back to one that somebody remembers.
const changeScript = new Script(`
  if (redis.call('HGET', KEYS[2], 'version') or '') ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[2], 'version', ARGV[2])
  redis.call('HSETNX', KEYS[2], 'check', ARGV[3])
  local puts = tonumber(ARGV[4])
  for i = 5, 4 + 2 * puts, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
  for i = 5 + 2 * puts, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
  return 1
`);

/** What is stored at one moment. */
export interface StoredList {
  /** Changes with every change; undefined when nothing was ever imported. */
  readonly version: string | undefined;
  /** By account key. */
  readonly accounts: ReadonlyMap<string, ListedAccount>;
}

/** What a change puts in place and takes out. */
export interface ListChange {
  readonly put: readonly ListedAccount[];
  /** Keys of accounts. */
  readonly drop: readonly string[];
}

type StoreSettings = Pick<LoadedSettings, 'dataDir' | 'sealKeyFile' | 'accountsReadBatch'>;

/** Reads and changes the stored accounts. */
export class AccountStore {
  readonly #redis: RedisClient;
  readonly #seal: Seal;
  readonly #batch: number;
  readonly #opened: CheckedSeal;

  private constructor(redis: RedisClient, opened: CheckedSeal, batch: number) {
    this.#redis = redis;
    this.#seal = opened.seal;
    this.#batch = batch;
    this.#opened = opened;
  }

  /**
   * Takes the key of the seal, and makes one where nothing was ever sealed. Throws `seal-key-invalid`, and
   * `seal-key-wrong` when it is not the one that sealed what is stored.
   */
  static async open(redis: RedisClient, settings: StoreSettings, env: NodeJS.ProcessEnv): Promise<AccountStore> {
    return new AccountStore(redis, await openSeal(redis, settings, env), settings.accountsReadBatch);
  }

  /** The version of what is stored; undefined when nothing was ever imported, or Redis was emptied. */
  async version(): Promise<string | undefined> {
    return (await this.#redis.hget(globalKeys.accountsState, 'version')) ?? undefined;
  }

  /** One account by its key. Throws `seal-broken` where somebody has changed it. */
  async get(key: string): Promise<Account | undefined> {
    const text = await this.#redis.hget(globalKeys.accounts, key);
    return text === null ? undefined : fromStored(key, text, this.#seal).account;
  }

  /** Whether there is an account with this key. */
  async has(key: string): Promise<boolean> {
    return (await this.#redis.hexists(globalKeys.accounts, key)) === 1;
  }

  /**
   * All accounts, as they were at one moment; no password is opened. Those that do not fit their key are left out
   * of it and are as good as not stored. Throws `accounts-contended`.
   */
  async all(): Promise<StoredList> {
    for (let tries = 0; tries < triesAtMost; tries += 1) {
      const version = await this.version();
      const accounts = await this.#read();
      if ((await this.version()) === version) return { version, accounts };
    }
    throw new MailhaulError('accounts-contended', { count: triesAtMost });
  }

  /**
   * Changes the accounts if they still have this version, and tells everybody. Returns false, with nothing or only a
   * part changed, when another process was faster: then read again. Throws `seal-key-wrong`.
   */
  async change(version: string | undefined, { put, drop }: ListChange): Promise<boolean> {
    assertOpens(await this.#redis.hget(globalKeys.accountsState, 'check'), this.#opened);
    const check = checkValue(this.#seal);
    let expected = version ?? '';
    let [added, dropped] = [0, 0];
    // In parts: Redis serves others between them, and who reads meanwhile notices by the version.
    do {
      const puts = put.slice(added, added + this.#batch);
      const drops = drop.slice(dropped, dropped + this.#batch);
      const next = randomBytes(8).toString('hex');
      const fields = puts.flatMap((listed) => [listed.account.key, toStored(listed, this.#seal)]);
      const keys = [globalKeys.accounts, globalKeys.accountsState];
      const reply = await changeScript.run(this.#redis, keys, [
        expected,
        next,
        check,
        puts.length,
        ...fields,
        ...drops,
      ]);
      if (reply !== 1) return false;
      expected = next;
      added += puts.length;
      dropped += drops.length;
    } while (added < put.length || dropped < drop.length);
    await this.#redis.publish(globalKeys.accountsChanged, expected);
    return true;
  }

  async #read(): Promise<Map<string, ListedAccount>> {
    const accounts = new Map<string, ListedAccount>();
    const keys = (await this.#redis.hkeys(globalKeys.accounts)).sort();
    for (let at = 0; at < keys.length; at += this.#batch) {
      const part = keys.slice(at, at + this.#batch);
      const texts = await this.#redis.hmget(globalKeys.accounts, ...part);
      for (const [i, text] of texts.entries()) {
        if (text !== null) this.#keep(part[i]!, text, accounts);
      }
    }
    return accounts;
  }

  #keep(key: string, text: string, accounts: Map<string, ListedAccount>): void {
    try {
      accounts.set(key, fromStored(key, text, this.#seal));
    } catch (error) {
      if (!(error instanceof MailhaulError)) throw error;
    }
  }
}

/** The account book: where workers and scheduler look up who an account is. */
import { MailhaulError } from '../ground/errors.ts';
import { globalKeys } from '../ground/keys.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Account } from './account.ts';
import type { AccountStore } from './store.ts';

/** Who there is. */
export interface AccountBook {
  /**
   * True where every process of the service looks into the same book: an account that is not in it was removed.
   * Otherwise another process may know it.
   */
  readonly shared: boolean;
  /** An account by its key. Throws MailhaulError. */
  get(key: string): Promise<Account | undefined>;
  /** All accounts, in no particular order. Throws MailhaulError. */
  all(): Promise<readonly Account[]>;
  /** Whether there is such an account. Throws MailhaulError. */
  has(key: string): Promise<boolean>;
  /** Calls the listener when accounts may have been added, changed or removed. Returns how to stop that. */
  onChange(listener: () => void): () => void;
  /** Ends the looking for changes. */
  close(): Promise<void>;
}

/** A book that never changes, for `sync`. */
export function fixedBook(accounts: readonly Account[]): AccountBook {
  const byKey = new Map(accounts.map((account) => [account.key, account]));
  return {
    shared: false,
    get: async (key) => byKey.get(key),
    all: async () => accounts,
    has: async (key) => byKey.has(key),
    onChange: () => () => {},
    close: async () => {},
  };
}

/** The stored accounts, for `start`. Holds none in memory until `all` is asked for; then those, until they change. */
export class StoreBook implements AccountBook {
  readonly shared = true;
  readonly #store: AccountStore;
  readonly #subscriber: RedisClient;
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  readonly #log: Log;
  #all: { readonly version: string | undefined; readonly accounts: readonly Account[] } | undefined;
  #seen: string | undefined;

  private constructor(store: AccountStore, subscriber: RedisClient, pollMs: number, log: Log) {
    this.#store = store;
    this.#subscriber = subscriber;
    this.#log = log;
    // A notice that is sent while the connection is down is never heard: the version is looked at now and then.
    this.#timer = setInterval(() => void this.#poll(), pollMs);
    this.#timer.unref();
    subscriber.on('message', (channel: string, version: string) => {
      if (channel === globalKeys.accountsChanged) this.#note(version);
    });
  }

  /** Begins to listen for changes on a connection of its own. */
  static async open(store: AccountStore, subscriber: RedisClient, pollMs: number, log: Log): Promise<StoreBook> {
    const book = new StoreBook(store, subscriber, pollMs, log);
    await subscriber.subscribe(globalKeys.accountsChanged);
    book.#seen = await store.version();
    return book;
  }

  get(key: string): Promise<Account | undefined> {
    return this.#store.get(key);
  }

  has(key: string): Promise<boolean> {
    return this.#store.has(key);
  }

  async all(): Promise<readonly Account[]> {
    if (this.#all && this.#all.version === (await this.#store.version())) return this.#all.accounts;
    const { version, accounts } = await this.#store.all();
    this.#all = { version, accounts: [...accounts.values()].map(({ account }) => account) };
    return this.#all.accounts;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#subscriber.unsubscribe(globalKeys.accountsChanged).catch(() => {});
  }

  async #poll(): Promise<void> {
    try {
      this.#note(await this.#store.version());
    } catch (error) {
      this.#log.debug({ reason: (error as Error).message }, 'account list not looked at');
    }
  }

  #note(version: string | undefined): void {
    if (version === this.#seen) return;
    this.#seen = version;
    this.#all = undefined;
    for (const listener of this.#listeners) listener();
  }
}

/** A signal that is aborted when the account leaves the book; `stop` ends the watching. */
export function untilRemoved(book: AccountBook, key: string): { readonly signal: AbortSignal; stop(): void } {
  const removed = new AbortController();
  const stop = book.onChange(() => {
    book.has(key).then(
      (there) => {
        if (!there) removed.abort(new MailhaulError('account-unlisted'));
      },
      // Redis is away: the poll comes by again, and a session without Redis ends anyway.
      () => {},
    );
  });
  return { signal: removed.signal, stop };
}

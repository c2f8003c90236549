/** `start [LIST]`: the list is imported, and again whenever its file changes or the process gets SIGHUP. */
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { listWarning } from '../accounts/list-safety.ts';
import type { AccountStore } from '../accounts/store.ts';
import { asMailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { type ImportResult, importAccounts } from './accounts.ts';
import { loadList } from './load-list.ts';

/** What following a list needs. */
export interface FollowOptions {
  readonly store: AccountStore;
  readonly settings: Pick<LoadedSettings, 'defaults' | 'providersFile' | 'listSettleMs' | 'accountsPollMs'> &
    Partial<Pick<LoadedSettings, 'oauth'>>;
  readonly log: Log;
  /** Ends the following. */
  readonly signal: AbortSignal;
  /** Called around what SIGHUP asks for. */
  readonly onReload?: (work: () => Promise<void>) => Promise<void>;
}

/**
 * Without a list there is nothing to read again, and SIGHUP, which would end the process, is answered with a line in
 * the log until the signal.
 */
export function withoutList({ log, signal, onReload = plainly }: Omit<FollowOptions, 'store' | 'settings'>): void {
  const hangup = () => void onReload(async () => log.info('no account list'));
  process.on('SIGHUP', hangup);
  signal.addEventListener('abort', () => process.off('SIGHUP', hangup), { once: true });
}

/**
 * Imports the list and follows it until the signal: an account whose line goes is removed. Throws `list-unreadable` or
 * `list-invalid` for the list as it is now, and what `importAccounts` throws; later the same is logged, once for each
 * state of the file, and what is stored stays.
 */
export async function followList(path: string, options: FollowOptions): Promise<ImportResult> {
  const follower = new Follower(resolve(path), options);
  const result = await follower.importNow();
  if (!options.signal.aborted) follower.begin();
  return result;
}

async function plainly(work: () => Promise<void>): Promise<void> {
  await work();
}

class Follower {
  readonly #path: string;
  readonly #options: FollowOptions;
  /** What the file looked like when it was last read. */
  #read = '';
  /** The version that the last import left. */
  #version: string | undefined;
  #settling: NodeJS.Timeout | undefined;
  #working: Promise<void> = Promise.resolve();

  constructor(path: string, options: FollowOptions) {
    this.#path = path;
    this.#options = options;
  }

  async importNow(): Promise<ImportResult> {
    const { store, settings, log } = this.#options;
    // Looked at before it is read: what is written meanwhile is noticed as another change.
    this.#read = await this.#look();
    const accounts = await loadList(this.#path, settings);
    const warning = await listWarning(this.#path, accounts, settings.defaults);
    if (warning) log.warn({ code: warning.code, reason: warning.message }, 'account list is unsafe');
    const result = await importAccounts(store, accounts, { prune: true, origin: this.#path });
    this.#version = await store.version();
    const { added, changed, removed, unchanged } = result;
    const counts = { added: added.length, changed: changed.length, removed: removed.length, unchanged };
    log.info({ list: this.#path, ...counts }, 'account list imported');
    return result;
  }

  begin(): void {
    const { settings, signal, onReload = plainly } = this.#options;
    const notice = () => this.#settle();
    const hangup = () => this.#then(() => onReload(() => this.#again()));
    const watcher = this.#watch(notice);
    // Network file systems and lost watches tell nothing.
    const poll = setInterval(() => this.#then(() => this.#poll()), settings.accountsPollMs);
    process.on('SIGHUP', hangup);
    const end = () => {
      watcher?.close();
      clearInterval(poll);
      clearTimeout(this.#settling);
      process.off('SIGHUP', hangup);
    };
    signal.addEventListener('abort', end, { once: true });
  }

  /** The folder is watched, not the file: editors put another file in its place, and some mounts swap a link. */
  #watch(notice: () => void): FSWatcher | undefined {
    const { log } = this.#options;
    const lost = (error: Error) => log.debug({ reason: error.message }, 'account list not watched');
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, notice);
      watcher.on('error', lost);
      return watcher;
    } catch (error) {
      lost(error as Error);
      return undefined;
    }
  }

  /** Something stirred in the folder: the file is read when two looks at it in a row agree. */
  #settle(before?: string): void {
    const { settings } = this.#options;
    if (before === undefined && this.#settling) return;
    this.#settling = setTimeout(() => {
      void this.#look().then((now) => {
        this.#settling = undefined;
        if (now === this.#read || this.#options.signal.aborted) return;
        if (now === before) this.#then(() => this.#again());
        else this.#settle(now);
      });
    }, settings.listSettleMs);
  }

  async #poll(): Promise<void> {
    if ((await this.#look()) !== this.#read) return this.#settle();
    const version = await this.#options.store.version().catch(() => this.#version);
    // Redis was emptied: the list is still the truth.
    if (version === undefined) await this.#again();
  }

  async #again(): Promise<void> {
    try {
      await this.importNow();
    } catch (thrown) {
      const error = asMailhaulError(thrown);
      this.#options.log.error({ code: error.code, list: this.#path, reason: error.message }, 'account list not taken');
    }
  }

  /** One after another: two imports at once would only be in each other's way. */
  #then(work: () => Promise<void>): void {
    this.#working = this.#working.then(async () => {
      if (!this.#options.signal.aborted) await work();
    });
  }

  /** What tells one state of the file from another; never throws. */
  async #look(): Promise<string> {
    try {
      const { ino, mtimeNs, size } = await stat(this.#path, { bigint: true });
      return `${ino} ${mtimeNs} ${size}`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'gone';
    }
  }
}

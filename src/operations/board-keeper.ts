/** Keeps the board's memory up to date: reads what rang, what is under way, and now and then the rest. */
import type { Account } from '../accounts/account.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { readToldStandings } from '../ledger/standing.ts';
import type { Bell } from '../limits/bell.ts';
import type { Steering } from '../limits/steering.ts';
import { BoardMemory } from './board-memory.ts';
import type { Circumstances } from './board-row.ts';
import type { Accounts } from './selection.ts';

/** Accounts in one pipeline: their answers hold the event loop for some milliseconds. */
const readAtOnce = 200;
/** Accounts whose rows are made anew in one go. */
const shownAtOnce = 1000;
/** Accounts with a run under way that are read in one go; where there are more, they take turns. */
const openMax = 500;

/** What keeping works with. */
export interface KeeperParts {
  readonly redis: RedisClient;
  readonly settings: Pick<Settings, 'boardOpenMs' | 'boardSweepMs'>;
  readonly book: Accounts & { readonly onChange?: (listener: () => void) => () => void };
  readonly steering: Pick<Steering, 'pausedBy'> & Partial<Pick<Steering, 'onChange'>>;
  /** Rings when something happened to an account; without it everything is read each time. */
  readonly bell?: Pick<Bell, 'listen' | 'onMissed'> | undefined;
  /** What stands beside the ledger's word of an account. */
  readonly circumstances: (account: Account) => Circumstances;
}

/** One for a process. */
export class BoardKeeper {
  readonly memory: BoardMemory;
  readonly #parts: KeeperParts;
  readonly #rung = new Set<string>();
  readonly #stops: (() => void)[] = [];
  #all = true;
  #steered = false;
  #closed = false;
  #freshAt = Number.NEGATIVE_INFINITY;
  #current: { readonly from: number; readonly done: Promise<void> } | undefined;
  #next: Promise<void> | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.memory = new BoardMemory(parts.circumstances);
  }

  /** Begins to listen. */
  listen(): void {
    const { bell, book, steering } = this.#parts;
    const steered = () => {
      this.#steered = true;
    };
    const missed = () => {
      this.#all = true;
    };
    if (steering.onChange) this.#stops.push(steering.onChange(steered));
    if (bell)
      this.#stops.push(
        bell.listen((key) => void this.#rung.add(key)),
        bell.onMissed(missed),
      );
    // Accounts that are new have to be known before they have carried much: their sums begin with the first look.
    if (book.onChange) this.#stops.push(book.onChange(() => void this.fresh(0).catch(() => {})));
  }

  /**
   * Resolves when the memory is at most so old. One look at a time: who comes while one is under way shares the next.
   * Throws what Redis throws; then nothing is forgotten that is still to be read.
   */
  fresh(maxAgeMs: number): Promise<void> {
    const now = performance.now();
    // Who has paused something sees it at once.
    if (now - this.#freshAt <= maxAgeMs && !this.#steered) return Promise.resolve();
    if (this.#current && now - this.#current.from <= maxAgeMs) return this.#current.done;
    const before = this.#current?.done.catch(() => {}) ?? Promise.resolve();
    this.#next ??= before.then(() => this.#begin());
    return this.#next;
  }

  /** Has the next look take those along that were read longest ago: as many as make a round in `boardSweepMs`. */
  sweep(passedMs: number): void {
    const share = Math.min(1, passedMs / this.#parts.settings.boardSweepMs);
    for (const key of this.memory.oldestKeys(Math.ceil(this.memory.entries.length * share))) this.#rung.add(key);
  }

  /** Whoever asks next gets what is there by then, however short ago the last look was. */
  expire(): void {
    this.#freshAt = Number.NEGATIVE_INFINITY;
  }

  /** Ends with the look that is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const stop of this.#stops) stop();
    await this.#current?.done.catch(() => {});
    await this.#next?.catch(() => {});
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    const from = performance.now();
    const done = this.#look().then(
      () => {
        this.#freshAt = from;
        this.#current = undefined;
      },
      (error: unknown) => {
        this.#current = undefined;
        throw error;
      },
    );
    this.#current = { from, done };
    return done;
  }

  async #look(): Promise<void> {
    const { book } = this.#parts;
    const { memory } = this;
    const added = memory.take(await book.all());
    const keys = this.#takeDue(added);
    try {
      await this.#read(keys);
    } catch (error) {
      for (const key of keys) this.#rung.add(key);
      throw error;
    }
    memory.loaded();
    if (this.#steered) await this.#reshow();
  }

  #takeDue(added: readonly string[]): string[] {
    const { memory } = this;
    const all = this.#all || !this.#parts.bell;
    const rung = [...this.#rung].filter((key) => memory.has(key));
    this.#rung.clear();
    this.#all = false;
    if (all) return memory.entries.map(({ account }) => account.key);
    const open = memory.openKeys(performance.now(), this.#parts.settings.boardOpenMs, openMax);
    return [...new Set([...added, ...rung, ...open])];
  }

  async #read(keys: readonly string[]): Promise<void> {
    const { redis } = this.#parts;
    const ask = (at: number) => {
      const part = keys.slice(at, at + readAtOnce);
      const told = readToldStandings(redis, part);
      // Whoever awaits it hears of a failure; it may come while the answer before is still being dealt with.
      told.catch(() => {});
      return { part, told };
    };
    let next = ask(0);
    for (let at = readAtOnce; next.part.length > 0 && !this.#closed; at += readAtOnce) {
      const { part, told } = next;
      const answers = await told;
      // Redis looks for the next ones while these are taken apart.
      next = ask(at);
      const now = performance.now();
      for (const [i, one] of answers.entries()) this.memory.enter(part[i]!, one, now);
      if (next.part.length > 0) await turn();
    }
  }

  async #reshow(): Promise<void> {
    this.#steered = false;
    const { entries } = this.memory;
    for (let at = 0; at < entries.length; at += shownAtOnce) {
      for (const entry of entries.slice(at, at + shownAtOnce)) this.memory.reshow(entry);
      await turn();
    }
  }
}

/** Lets others have the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

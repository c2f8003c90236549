/** The scheduler's memory: accounts with their schedules and states, read once and kept while nobody else changes them. */
import type { Account } from '../accounts/account.ts';
import type { RedisClient } from '../ground/redis.ts';
import { type Run, readRuns } from '../ledger/run.ts';
import type { Schedule, ScheduleBook } from './schedule.ts';
import { blankState, noteSeen, readScheduleStates, type ScheduleState } from './state.ts';

/** The parts of an account that the scheduler needs. */
export interface ScheduledAccount extends Pick<Account, 'key' | 'id' | 'group' | 'enabled'> {
  readonly source: Pick<Account['source'], 'host'>;
  readonly destination: Pick<Account['destination'], 'host'>;
}

/** One account as it stands. */
export interface Entry {
  readonly account: ScheduledAccount;
  readonly schedule: Schedule;
  state: ScheduleState;
}

/** A run that is under way for an account. */
export interface LiveRun {
  readonly account: string;
  readonly run: Run;
}

/** Accounts in one round trip. */
const atOnce = 500;

/** All accounts that are scheduled. */
export class Roster {
  readonly #redis: RedisClient;
  readonly #book: ScheduleBook;
  #entries = new Map<string, Entry>();

  constructor(redis: RedisClient, book: ScheduleBook) {
    this.#redis = redis;
    this.#book = book;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The entry of an account; undefined for one that is not scheduled. */
  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** All entries. */
  entries(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Accounts whose run is under way. */
  live(): Entry[] {
    return this.entries().filter(({ state }) => state.run !== '');
  }

  /**
   * Reads everything anew, for these accounts. Returns the runs under way of which their states know nothing: those of
   * a `sync`, or of a Redis that was flushed a moment ago.
   */
  async load(accounts: readonly ScheduledAccount[], now: number): Promise<LiveRun[]> {
    const enabled = accounts.filter((account) => account.enabled);
    const keys = enabled.map(({ key }) => key);
    const states = await readScheduleStates(this.#redis, keys);
    const unseen = keys.filter((_, i) => states[i]!.seenAt === 0);
    await noteSeen(this.#redis, unseen, now);
    this.#entries = new Map(
      enabled.map((account, i) => {
        const state = states[i] ?? blankState;
        const seen = state.seenAt === 0 ? { ...state, seenAt: now } : state;
        return [account.key, { account, schedule: this.#book.of(account), state: seen }];
      }),
    );
    const runs = await this.runsOf(keys.filter((_, i) => states[i]!.run === ''));
    return runs.flatMap(({ account, run }) => (run && run.finishedAt === 0 ? [{ account, run }] : []));
  }

  /** Reads the states of a few accounts anew. */
  async refresh(keys: readonly string[]): Promise<void> {
    const known = keys.filter((key) => this.#entries.has(key));
    const states = await readScheduleStates(this.#redis, known);
    known.forEach((key, i) => {
      const entry = this.#entries.get(key)!;
      entry.state = { ...states[i]!, seenAt: states[i]!.seenAt || entry.state.seenAt };
    });
  }

  /** The runs of accounts as the ledger has them; 500 in a round trip. */
  async runsOf(keys: readonly string[]): Promise<{ account: string; run: Run | undefined }[]> {
    const found: { account: string; run: Run | undefined }[] = [];
    for (let from = 0; from < keys.length; from += atOnce) {
      const part = keys.slice(from, from + atOnce);
      const runs = await readRuns(this.#redis, part);
      part.forEach((account, i) => void found.push({ account, run: runs[i] }));
    }
    return found;
  }
}

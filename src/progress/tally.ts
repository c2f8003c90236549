/** Counting, in one place: how far every account of a run is, for terminal, API and metrics alike. */
import type { RedisClient } from '../ground/redis.ts';
import { type Run, type RunState, readRuns } from '../ledger/run.ts';

/** How far one account is. Bytes are those of messages at the source. */
export interface AccountProgress {
  readonly id: string;
  readonly state: RunState;
  readonly listed: number;
  /** Messages whose end is known, in this run or before. */
  readonly settled: number;
  readonly bytesListed: number;
  readonly bytesDownloaded: number;
  readonly bytesAppended: number;
  /** True when the listing is known, so that there is something to count towards. */
  readonly hasListing: boolean;
  /** Why it waits; empty otherwise. */
  readonly reason: string;
}

/** All accounts, and their sums. */
export interface Tally {
  readonly accounts: readonly AccountProgress[];
  readonly finished: number;
  readonly total: AccountProgress;
}

const atOnce = 500;

/** Keeps the progress of accounts; those that have ended are not asked for again. */
export class Tallier {
  readonly #redis: RedisClient;
  readonly #accounts: readonly { key: string; id: string }[];
  readonly #ended = new Map<string, AccountProgress>();

  constructor(redis: RedisClient, accounts: readonly { key: string; id: string }[]) {
    this.#redis = redis;
    this.#accounts = accounts;
  }

  /** Reads the counts as they are now. */
  async tally(run: string): Promise<Tally> {
    const open = this.#accounts.filter(({ key }) => !this.#ended.has(key));
    const current = new Map<string, AccountProgress>();
    for (let at = 0; at < open.length; at += atOnce) {
      const part = open.slice(at, at + atOnce);
      const runs = await readRuns(
        this.#redis,
        part.map(({ key }) => key),
      );
      part.forEach(({ key, id }, i) => {
        const progress = progressOf(id, runs[i]?.id === run ? runs[i] : undefined);
        if (['complete', 'incomplete', 'failed'].includes(progress.state)) this.#ended.set(key, progress);
        current.set(key, progress);
      });
    }
    const accounts = this.#accounts.map(
      ({ key, id }) => this.#ended.get(key) ?? current.get(key) ?? progressOf(id, undefined),
    );
    return { accounts, finished: this.#ended.size, total: total(accounts) };
  }
}

function progressOf(id: string, run: Run | undefined): AccountProgress {
  const hasListing = run !== undefined && (run.listed > 0 || run.download === 'done');
  const settled = run
    ? run.known + run.appended + run.duplicate + run.refused + run.refusedBefore + run.vanished + run.failed
    : 0;
  return {
    id,
    state: run?.state ?? 'queued',
    listed: Math.max(run?.listed ?? 0, settled),
    settled,
    bytesListed: run?.bytesListed ?? 0,
    bytesDownloaded: run?.downloaded ?? 0,
    bytesAppended: run?.bytesAppended ?? 0,
    hasListing,
    reason: run?.state === 'waiting' ? run.error : '',
  };
}

function total(accounts: readonly AccountProgress[]): AccountProgress {
  const add = (pick: (account: AccountProgress) => number) => accounts.reduce((sum, account) => sum + pick(account), 0);
  return {
    id: 'total',
    state: 'running',
    listed: add((account) => account.listed),
    settled: add((account) => account.settled),
    bytesListed: add((account) => account.bytesListed),
    bytesDownloaded: add((account) => account.bytesDownloaded),
    bytesAppended: add((account) => account.bytesAppended),
    hasListing: accounts.every((account) => account.hasListing || account.state === 'failed'),
    reason: '',
  };
}

/** What is known of an account's mail when its source lists it. */

import type { RedisClient } from '../ground/redis.ts';
import { spooledKeys } from '../ledger/batches.ts';
import { isFirstRun } from '../ledger/run.ts';
import { LedgerTable } from '../ledger/table.ts';

/** All that is known. */
export interface Known {
  /** Keys (hexadecimal) of what waits in a spool. */
  readonly spooled: Set<string>;
  readonly ledger: LedgerTable;
  readonly firstRun: boolean;
}

/** Reads it while the source opens the maildrop: both take their time when there is much of it. */
export class KnownMail {
  readonly #redis: RedisClient;
  readonly #account: string;
  readonly #run: number;
  #reading: Promise<Known> | undefined;

  /** For the run with this number. */
  constructor(redis: RedisClient, account: string, run: number) {
    this.#redis = redis;
    this.#account = account;
    this.#run = run;
  }

  /** Begins to read, once. */
  readonly begin = (): void => {
    this.#reading ??= this.#read();
    // Whoever waits for it hears of it.
    this.#reading.catch(() => {});
  };

  /** All of it. Throws what Redis throws. */
  all(): Promise<Known> {
    this.begin();
    return this.#reading!;
  }

  /** Nobody else downloads for this account meanwhile: what leaves the spool goes into the ledger. */
  async #read(): Promise<Known> {
    // The spool first: a message goes from there into the ledger, and must be seen in one of them.
    const spooled = await spooledKeys(this.#redis, this.#account);
    const [ledger, firstRun] = await Promise.all([
      LedgerTable.load(this.#redis, this.#account),
      isFirstRun(this.#redis, this.#account),
    ]);
    ledger.prepare(this.#run);
    return { spooled, ledger, firstRun };
  }
}

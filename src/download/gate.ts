/** Nothing more is downloaded for a destination that has no room for what the spool holds. */
import type { Clock } from '../ground/clock.ts';
import type { RedisClient } from '../ground/redis.ts';
import { isFull } from '../ledger/full-mailbox.ts';
import { readRun } from '../ledger/run.ts';
import type { SpoolSpace } from '../spool/space.ts';

/** Redis is asked this often, however fast the messages come. */
const askMs = 500;

/** The gate of one download session. */
export class Gate {
  readonly #redis: RedisClient;
  readonly #account: string;
  readonly #space: SpoolSpace;
  readonly #clock: Clock;
  #askedAt = Number.NEGATIVE_INFINITY;
  #full = false;

  constructor(redis: RedisClient, account: string, space: SpoolSpace, clock: Clock) {
    this.#redis = redis;
    this.#account = account;
    this.#space = space;
    this.#clock = clock;
  }

  /** True while the mailbox is full and the account has a batch in the spool: one it may have, to be tried with. */
  async isClosed(): Promise<boolean> {
    if (this.#clock.now() - this.#askedAt >= askMs) {
      this.#askedAt = this.#clock.now();
      this.#full = await isFull(this.#redis, this.#account);
    }
    return this.#full && this.#space.hasBatch(this.#account);
  }
}

/**
 * True while a session would find the gate closed: it need not begin, and takes nothing of the budget of its host. But a
 * run lists its source once in any case, so that its report says what there is.
 */
export async function isHeldBack(redis: RedisClient, account: string, space: SpoolSpace): Promise<boolean> {
  if (!space.hasBatch(account) || !(await isFull(redis, account))) return false;
  return ((await readRun(redis, account))?.listed ?? 0) > 0;
}

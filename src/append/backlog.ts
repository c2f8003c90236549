/** What one append session has before it: the batches that wait, and what Redis knows of those that come next. */
import type { RedisClient } from '../ground/redis.ts';
import { type BatchState, waitingBatches } from '../ledger/batches.ts';
import { type Intent, openIntents } from '../ledger/intent.ts';

/** What is known of a batch before it is carried. */
export interface Known extends BatchState {
  /** Of earlier sessions: commands with messages of the batch that got no answer. */
  readonly intents: readonly Intent[];
}

/** Batches whose state is read along with the list of those that wait. */
const readAhead = 32;

/**
 * The backlog of the one session that may append: what is read of a batch before it is carried stays true, since nobody
 * else changes it.
 */
export class Backlog {
  readonly #redis: RedisClient;
  readonly #account: string;
  readonly #spool: string;
  readonly #taken = new Set<string>();
  #states = new Map<string, BatchState>();
  #intents: Promise<Map<string, Intent[]>> | undefined;

  /** For the holder of the account's fence. */
  constructor(redis: RedisClient, account: string, spool: string) {
    this.#redis = redis;
    this.#account = account;
    this.#spool = spool;
  }

  /** The batches that wait, in the order in which they were registered. */
  async waiting(): Promise<string[]> {
    const passed = [...this.#taken, ...this.#states.keys()];
    const { names, states } = await waitingBatches(this.#redis, this.#account, this.#spool, passed, readAhead);
    const there = new Set(names);
    for (const name of this.#taken) if (!there.has(name)) this.#taken.delete(name);
    this.#states = new Map([...this.#states, ...states].filter(([name]) => there.has(name)));
    return names;
  }

  /** What is known of a batch that is to be carried now; asked for once. */
  async take(batch: string): Promise<Known> {
    // Those before it may have been more than were read ahead.
    if (!this.#states.has(batch)) await this.waiting();
    this.#taken.add(batch);
    const state = this.#states.get(batch) ?? { adopted: false, done: null };
    this.#states.delete(batch);
    this.#intents ??= this.#intentsLeft();
    return { ...state, intents: (await this.#intents).get(batch) ?? [] };
  }

  /** Read once: who has the fence adds his own alone. */
  async #intentsLeft(): Promise<Map<string, Intent[]>> {
    const byBatch = new Map<string, Intent[]>();
    for (const intent of await openIntents(this.#redis, this.#account)) {
      byBatch.set(intent.batch, [...(byBatch.get(intent.batch) ?? []), intent]);
    }
    return byBatch;
  }
}

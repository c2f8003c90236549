/** The bell: whoever waits for something to happen to an account is woken when another process, or this one, rings. */
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** One subscription a process, shared by all who wait. */
export class Bell {
  readonly #redis: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #waiting = new Map<string, Set<Turn>>();
  readonly #listeners = new Set<(account: string) => void>();
  readonly #missers = new Set<() => void>();

  private constructor(redis: RedisClient, subscriber: RedisClient) {
    this.#redis = redis;
    this.#subscriber = subscriber;
    subscriber.on('message', (_channel: string, account: string) => {
      this.#wake(account);
      for (const listener of this.#listeners) listener(account);
    });
    // The connection was down and is back: whatever rang meanwhile was not heard.
    subscriber.on('ready', () => {
      for (const misser of this.#missers) misser();
    });
  }

  /** Subscribes on a connection of its own. */
  static async open(redis: RedisClient, subscriber: RedisClient): Promise<Bell> {
    await subscriber.subscribe(globalKeys.bell);
    return new Bell(redis, subscriber);
  }

  /** Something happened to this account. Never throws: a bell that is not heard costs a wait, not a message. */
  ring(account: string): void {
    this.#redis.publish(globalKeys.bell, account).catch(() => {});
  }

  /**
   * A wait that is over when the bell rings for this account, after `ms`, or when the signal is aborted. Ask for the bell
   * first, look at the state then, wait last: what happens between the look and the wait is not missed. To be cancelled
   * by who does not wait.
   */
  next(account: string, ms: number, signal?: AbortSignal): Turn {
    const turn = new Turn(ms, signal, () => this.#forget(account, turn));
    const waiting = this.#waiting.get(account) ?? new Set();
    this.#waiting.set(account, waiting.add(turn));
    return turn;
  }

  /** Calls the listener with the key of every account that rings; returns how to stop that. */
  listen(listener: (account: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Calls the listener when rings may have been missed; returns how to stop that. */
  onMissed(listener: () => void): () => void {
    this.#missers.add(listener);
    return () => void this.#missers.delete(listener);
  }

  async close(): Promise<void> {
    for (const waiting of this.#waiting.values()) for (const turn of waiting) turn.cancel();
    await this.#subscriber.unsubscribe().catch(() => {});
  }

  #wake(account: string): void {
    for (const turn of [...(this.#waiting.get(account) ?? [])]) turn.cancel();
  }

  #forget(account: string, turn: Turn): void {
    const waiting = this.#waiting.get(account);
    waiting?.delete(turn);
    if (waiting?.size === 0) this.#waiting.delete(account);
  }
}

/** One wait for the bell. */
export class Turn {
  readonly #ms: number;
  readonly #signal: AbortSignal | undefined;
  readonly #end: () => void;
  #isOver = false;
  #rung: Promise<void> | undefined;
  #resolve = () => {};

  constructor(ms: number, signal: AbortSignal | undefined, end: () => void) {
    this.#ms = ms;
    this.#signal = signal;
    this.#end = end;
  }

  /** Resolves when the wait is over. Its time begins when this is asked for: many find that they need not wait. */
  get rung(): Promise<void> {
    this.#rung ??= this.#isOver ? Promise.resolve() : this.#wait();
    return this.#rung;
  }

  /** Ends the wait. */
  readonly cancel = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end();
    this.#resolve();
  };

  #wait(): Promise<void> {
    const timer = setTimeout(this.cancel, this.#ms);
    this.#signal?.addEventListener('abort', this.cancel, { once: true });
    const rung = new Promise<void>((resolve) => {
      this.#resolve = () => {
        clearTimeout(timer);
        this.#signal?.removeEventListener('abort', this.cancel);
        resolve();
      };
    });
    if (this.#signal?.aborted) this.cancel();
    return rung;
  }
}

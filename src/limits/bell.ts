/** The bell: whoever waits for something to happen to an account is woken when another process, or this one, rings. */
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** One subscription a process, shared by all who wait. */
export class Bell {
  readonly #redis: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #waiting = new Map<string, Set<() => void>>();
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
   * Resolves when the bell rings for this account, after `ms`, or when the signal is aborted. Ask for the bell first,
   * look at the state then, wait last: what happens between the look and the wait is not missed.
   */
  next(account: string, ms: number, signal?: AbortSignal): { rung: Promise<void>; cancel(): void } {
    let cancel = () => {};
    const rung = new Promise<void>((resolve) => {
      const timer = setTimeout(() => cancel(), ms);
      cancel = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        this.#forget(account, cancel);
        resolve();
      };
      signal?.addEventListener('abort', cancel, { once: true });
      const waiting = this.#waiting.get(account) ?? new Set();
      this.#waiting.set(account, waiting.add(cancel));
    });
    if (signal?.aborted) cancel();
    return { rung, cancel: () => cancel() };
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
    for (const waiting of this.#waiting.values()) for (const wake of waiting) wake();
    await this.#subscriber.unsubscribe().catch(() => {});
  }

  #wake(account: string): void {
    for (const wake of [...(this.#waiting.get(account) ?? [])]) wake();
  }

  #forget(account: string, wake: () => void): void {
    const waiting = this.#waiting.get(account);
    waiting?.delete(wake);
    if (waiting?.size === 0) this.#waiting.delete(account);
  }
}

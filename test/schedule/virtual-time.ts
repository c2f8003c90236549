/** A clock that stands while anybody works, and goes on to the next thing that somebody waits for. */
import { vi } from 'vitest';
import type { Clock } from '../../src/ground/clock.ts';

interface Waiter {
  readonly at: number;
  readonly number: number;
  readonly go: () => void;
}

/**
 * Work that waits by this clock and does nothing else that takes time, but for asking Redis. One piece of work goes on
 * at a time, so that every run of a test is the same. Intervals are faked, and go by it, too.
 */
export class VirtualTime implements Clock {
  readonly #waiters = new Set<Waiter>();
  #working = 0;
  #number = 0;
  #failed: (error: unknown) => void = () => {};

  /** Fakes Date and intervals of this process until `vi.useRealTimers()`. */
  constructor(from: number) {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: from });
  }

  now(): number {
    return Date.now();
  }

  /** Resolves when it is time to, or at once when the signal is aborted: here it is no reason to fail. */
  wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        at: this.now() + Math.max(0, Math.ceil(ms)),
        number: this.#number++,
        go: () => {
          this.#waiters.delete(waiter);
          signal?.removeEventListener('abort', rung);
          this.#working += 1;
          resolve();
        },
      };
      const rung = () => {
        this.#waiters.delete(waiter);
        this.#waiters.add({ ...waiter, at: this.now(), go: () => waiter.go() });
      };
      this.#waiters.add(waiter);
      if (signal?.aborted) rung();
      else signal?.addEventListener('abort', rung, { once: true });
      this.#working -= 1;
    });
  }

  /** Begins work; what it throws ends `run`. */
  begin(work: () => Promise<void>): void {
    this.#working += 1;
    work()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#working -= 1;
      });
  }

  /** Runs the clock until `end`. */
  async run(end: number): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#failed = reject;
    });
    failed.catch(() => {});
    while (this.now() < end) {
      await Promise.race([this.#quiet(), failed]);
      const next = [...this.#waiters].sort((a, b) => a.at - b.at || a.number - b.number)[0];
      const at = Math.min(end, next?.at ?? end);
      if (at > this.now()) vi.advanceTimersByTime(at - this.now());
      if (next && next.at <= this.now() && this.now() < end) {
        this.#waiters.delete(next);
        next.go();
      }
    }
  }

  async #quiet(): Promise<void> {
    while (this.#working > 0) await new Promise((resume) => setImmediate(resume));
  }
}

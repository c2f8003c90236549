/** A deadline that is moved very often and rarely met. */

/**
 * Calls back when nothing moved the deadline for the limit. One timer, looked at lazily: moving the deadline only
 * notes the time, and the timer re-arms itself for what is left when it fires.
 */
export class Watchdog {
  readonly #expired: () => void;
  #limitMs = 0;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Number.POSITIVE_INFINITY;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  /** The limit that runs, in milliseconds; 0 while none does. */
  get limitMs(): number {
    return this.#limitMs;
  }

  /** Begins to wait, or begins anew: the callback comes after `limitMs` unless start or stop is called before. */
  start(limitMs: number): void {
    this.#limitMs = limitMs;
    this.#since = performance.now();
    if (this.#since + limitMs < this.#firesAt) this.#arm(limitMs);
  }

  /** Waits no more. */
  stop(): void {
    this.#limitMs = 0;
  }

  /** Waits no more and lets go of the timer. */
  close(): void {
    this.stop();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#firesAt = Number.POSITIVE_INFINITY;
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#fire(), Math.ceil(ms));
  }

  #fire(): void {
    this.#timer = undefined;
    this.#firesAt = Number.POSITIVE_INFINITY;
    // After a long halt of this process timers run before sockets are read: what already arrived gets its turn first.
    if (this.#limitMs > 0 && !this.#rearm()) setImmediate(() => this.#judge());
  }

  #judge(): void {
    if (this.#limitMs === 0 || this.#rearm()) return;
    this.stop();
    this.#expired();
  }

  #rearm(): boolean {
    const left = this.#since + this.#limitMs - performance.now();
    if (left <= 0) return false;
    if (performance.now() + left < this.#firesAt) this.#arm(left);
    return true;
  }
}

/** Work that is under way and not waited for: counted, waited for together, its first failure kept. */

/** A set of running promises. */
export class InFlight {
  readonly #running = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  get size(): number {
    return this.#running.size;
  }

  /** Adds work. Its failure is thrown by the next `check` or `drain`. */
  add(work: Promise<void>): void {
    const watched: Promise<void> = work
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .then(() => void this.#running.delete(watched));
    this.#running.add(watched);
  }

  /** Throws the first failure. */
  check(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Waits until nothing is under way. Throws the first failure. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.check();
  }

  /** Waits for all, and keeps their failures to itself: another error is being reported. */
  async quietly(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}

/** Ending in order: signals ask once politely, then insist; what was opened is closed last in, first out. */

/** A stack of things to close. The first error is kept and thrown when all have been closed. */
export class Closers {
  #stack: (() => Promise<void> | void)[] = [];

  /** Remembers how to close something. */
  push(close: () => Promise<void> | void): void {
    this.#stack.push(close);
  }

  /** Closes everything, the newest first. */
  async close(): Promise<void> {
    let first: unknown;
    for (let next = this.#stack.pop(); next; next = this.#stack.pop()) {
      try {
        await next();
      } catch (error) {
        first ??= error;
      }
    }
    if (first !== undefined) throw first;
  }
}

/** The reason of an abort that a person asked for. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor() {
    super('interrupted');
  }
}

/**
 * A signal that is aborted by the first SIGINT or SIGTERM. The second one calls `insist`, for people who do not want
 * to wait for an orderly end; nothing is lost either way.
 */
export function onInterrupt(insist: () => void): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const handle = () => {
    if (controller.signal.aborted) insist();
    else controller.abort(new Interrupted());
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return {
    signal: controller.signal,
    stop: () => {
      process.off('SIGINT', handle);
      process.off('SIGTERM', handle);
    },
  };
}

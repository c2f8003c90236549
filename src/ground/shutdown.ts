/** Ending in order: signals ask once politely, then insist; what was opened is closed last in, first out. */

/** The exit status of what was interrupted (design §4). */
export const interruptedStatus = 130;

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

/** How a process is asked to end. */
export interface Interruption {
  /** Aborted by the first SIGINT or SIGTERM: end in order. */
  readonly signal: AbortSignal;
  /** Aborted when the order took too long: drop connections, and end. */
  readonly cut: AbortSignal;
  /** Listens no more. */
  stop(): void;
}

/**
 * Listens for SIGINT and SIGTERM: the first one aborts `signal`, and `cut` after `withinMs` (never unless told). The
 * second one calls `insist`, for people who do not want to wait for an orderly end; nothing is lost either way.
 */
export function onInterrupt(insist: () => void, withinMs?: number): Interruption {
  const controller = new AbortController();
  const cut = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const handle = () => {
    if (controller.signal.aborted) return insist();
    if (withinMs !== undefined) timer = setTimeout(() => cut.abort(new Interrupted()), withinMs);
    controller.abort(new Interrupted());
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
  return {
    signal: controller.signal,
    cut: cut.signal,
    stop: () => {
      clearTimeout(timer);
      process.off('SIGINT', handle);
      process.off('SIGTERM', handle);
    },
  };
}

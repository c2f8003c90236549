/** How far a download is ahead of the appends of its own process. */
import type { Clock } from '../ground/clock.ts';
import type { SpoolSpace } from '../spool/space.ts';

/** With so many batches before it an append session does not run dry while the next one comes. */
const batchesAhead = 6;

/** The longest that the source waits for each batch beyond those. */
const pauseMs = 250;

/**
 * A source that is read as fast as it can be takes processors and disk from a destination that is behind, and what is
 * read so early is no longer in memory when it is appended, or is left to be made durable before QUIT. So the source steps
 * back, but not for long: it is not to stay locked for as long as a slow destination takes.
 */
export class Lead {
  readonly #space: SpoolSpace;
  readonly #account: string;
  readonly #clock: Clock;
  /** Batches beyond `batchesAhead` that the destination was given its time for. */
  #granted = 0;

  constructor(space: SpoolSpace, account: string, clock: Clock) {
    this.#space = space;
    this.#account = account;
    this.#clock = clock;
  }

  /** To be waited for before each message that is asked for; over at once when `lost` is aborted. */
  async check(lost: AbortSignal): Promise<void> {
    this.#granted = Math.max(0, Math.min(this.#granted, this.#beyond));
    if (this.#beyond <= this.#granted) return;
    const stop = new AbortController();
    const over = this.#clock.wait(pauseMs, AbortSignal.any([lost, stop.signal])).then(
      () => true,
      () => true,
    );
    while (this.#beyond > this.#granted) {
      if (await Promise.race([over, this.#space.woken()])) this.#granted = this.#beyond;
    }
    stop.abort();
  }

  get #beyond(): number {
    return this.#space.batches(this.#account) - batchesAhead;
  }
}

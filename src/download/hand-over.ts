/** Handing batches over to the append side: written first, then registered, in the order in which they were fetched. */
import type { BatchWriter } from '../spool/batch-writer.ts';
import type { NewBatch } from '../spool/registry.ts';
import type { HeadersByOffset } from '../spool/spooled-headers.ts';

/** Batches that may be on their way to the disk at once; more would only fill memory. */
const atOnce = 2;

/** Whoever keeps the books of the batches of one session: its registrar, or the way to it from another thread. */
export interface BatchReceiver {
  /** A batch is whole; `claimed` is the space that was claimed for its messages. Not in the order of their submission. */
  written(batch: NewBatch, claimed: number, headers: HeadersByOffset): void;
  /** Enters a batch that was written; in the order of their submission. Throws MailhaulError. */
  register(batch: NewBatch): Promise<void>;
  /** Space that was claimed for nothing. */
  release(claimed: number): void;
}

/** The hand-over of one download session. */
export class HandOver {
  readonly #receiver: BatchReceiver;
  #last: Promise<void> = Promise.resolve();
  #running = 0;
  #failure: unknown;

  constructor(receiver: BatchReceiver) {
    this.#receiver = receiver;
  }

  /**
   * Hands a batch over in the background; waits only when too many are under way. `claimed` is the space that was
   * claimed for its messages. Throws what an earlier hand-over threw.
   */
  async submit(writer: BatchWriter, claimed: number): Promise<void> {
    const before = this.#last;
    this.#running += 1;
    this.#last = this.#handOver(writer, claimed, before).catch((error: unknown) => {
      this.#failure ??= error;
    });
    if (this.#running >= atOnce) await before;
    this.#throwFailure();
  }

  /** Drops a batch that nothing came into. */
  async drop(writer: BatchWriter, claimed: number): Promise<void> {
    await writer.abandon();
    this.#receiver.release(claimed);
  }

  /** Resolves when everything that was submitted is registered. Throws the first failure. */
  async settled(): Promise<void> {
    await this.#last;
    this.#throwFailure();
  }

  async #handOver(writer: BatchWriter, claimed: number, before: Promise<void>): Promise<void> {
    try {
      const batch = await this.#finish(writer, claimed);
      await before;
      await this.#receiver.register(batch);
      // What is whole is handed over; the session must not believe that it was everything.
      if (writer.lost !== undefined) throw writer.lost;
    } finally {
      this.#running -= 1;
    }
  }

  async #finish(writer: BatchWriter, claimed: number): Promise<NewBatch> {
    try {
      const manifest = await writer.finish();
      this.#receiver.written(manifest, claimed, writer.headers);
      return manifest;
    } catch (error) {
      this.#receiver.release(claimed);
      throw error;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Handing batches over to the append side: durable first, then registered, in the order in which they were fetched. */
import { crashPoint } from '../ground/crash-point.ts';
import type { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Manifest } from '../spool/batch-file.ts';
import type { BatchWriter } from '../spool/batch-writer.ts';
import { registerBatch } from '../spool/registry.ts';
import type { Spool } from '../spool/spool.ts';

/** Batches that may be on their way to the disk at once; more would only fill memory. */
const atOnce = 2;

/** The hand-over of one download session. */
export class HandOver {
  readonly #redis: RedisClient;
  readonly #spool: Spool;
  readonly #announce: () => void;
  readonly #taker: string;
  #last: Promise<void> = Promise.resolve();
  #running = 0;
  #failure: unknown;

  /** `taker` is the token of the session; without one nobody asks whether it is still the one that takes. */
  constructor(redis: RedisClient, spool: Spool, announce: () => void, taker = '') {
    this.#redis = redis;
    this.#spool = spool;
    this.#announce = announce;
    this.#taker = taker;
  }

  /**
   * Hands a batch over in the background; waits only when too many are under way. `claimed` is the space that was
   * claimed for its messages. Throws what an earlier hand-over threw.
   */
  async submit(account: string, writer: BatchWriter, claimed: number): Promise<void> {
    const before = this.#last;
    this.#running += 1;
    this.#last = this.#handOver(account, writer, claimed, before).catch((error: unknown) => {
      this.#failure ??= error;
    });
    if (this.#running >= atOnce) await before;
    this.#throwFailure();
  }

  /** Resolves when everything that was submitted is registered. Throws the first failure. */
  async settled(): Promise<void> {
    await this.#last;
    this.#throwFailure();
  }

  async #handOver(account: string, writer: BatchWriter, claimed: number, before: Promise<void>): Promise<void> {
    let claims = claimed;
    try {
      const manifest = await writer.finish();
      this.#spool.space.written(account, manifest.batch, manifest.bytes, claimed);
      claims = 0;
      crashPoint('after-fsync');
      await before;
      await this.#register(manifest);
      crashPoint('after-register');
      this.#announce();
      // What is whole is handed over; the session must not believe that it was everything.
      if (writer.lost !== undefined) throw writer.lost;
    } catch (error) {
      this.#spool.space.release(account, claims);
      throw error;
    } finally {
      this.#running -= 1;
    }
  }

  async #register(manifest: Manifest): Promise<void> {
    try {
      await registerBatch(this.#redis, this.#spool.id, manifest, false, this.#taker);
    } catch (error) {
      // Whoever took over fetches it again, and no source hides what a session without QUIT has fetched.
      if ((error as Partial<MailhaulError>).code === 'lease-lost')
        await this.#spool.remove(manifest.account, manifest.batch);
      throw error;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

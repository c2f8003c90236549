/** The books of the batches that one download session spools: their space, their headers, their entry in Redis. */
import { crashPoint } from '../ground/crash-point.ts';
import type { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import { type NewBatch, registerBatch } from '../spool/registry.ts';
import type { Spool } from '../spool/spool.ts';
import type { HeadersByOffset } from '../spool/spooled-headers.ts';
import type { BatchReceiver } from './hand-over.ts';

/** What a registrar works with. */
export interface RegistrarOptions {
  readonly redis: RedisClient;
  readonly spool: Spool;
  /** Key of the account. */
  readonly account: string;
  /** Token of the session; without one nobody asks whether it is still the one that takes. */
  readonly taker?: string;
  /** Called for each batch that was registered. */
  announce(): void;
}

/** Registers batches as they become whole. */
export class Registrar implements BatchReceiver {
  readonly #options: RegistrarOptions;

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  written({ account, batch, bytes }: NewBatch, claimed: number, headers: HeadersByOffset): void {
    const { spool } = this.#options;
    spool.headers.keep(batch, headers);
    spool.space.written(account, batch, bytes, claimed);
    crashPoint('before-register');
  }

  /** Throws `lease-lost` when another session has begun since: then the file is gone, too. */
  async register(batch: NewBatch): Promise<void> {
    const { redis, spool, taker } = this.#options;
    const registered = registerBatch(redis, spool.id, batch, false, taker);
    // In one write with it. What comes of it if the batch is not registered: a session that finds nothing.
    this.#options.announce();
    try {
      await registered;
    } catch (error) {
      // Whoever took over fetches it again, and no source hides what a session without QUIT has fetched.
      if ((error as Partial<MailhaulError>).code === 'lease-lost') await spool.remove(batch.account, batch.batch);
      throw error;
    }
    crashPoint('after-register');
  }

  release(claimed: number): void {
    this.#options.spool.space.release(this.#options.account, claimed);
  }
}

/**
 * How full the spool may get. Space is claimed before a message is asked for. Whoever holds a source's lease may
 * always have one batch, even an oversized one (design §3): so nobody waits for somebody who waits for them.
 */
import { type Clock, systemClock } from '../ground/clock.ts';

/** Other processes on the same directory make room without telling us: the directory is read again this often. */
const measureMs = 500;

/** A batch file that was found in the directory. */
export interface FoundBatch {
  readonly account: string;
  readonly batch: string;
  readonly bytes: number;
}

/** The space of one spool, as one process sees it. */
export class SpoolSpace {
  readonly #maxBytes: number;
  readonly #look: () => Promise<FoundBatch[]>;
  readonly #clock: Clock;
  /** Bytes of the files in the directory, and whose they are. */
  #files = new Map<string, number>();
  #filesBytes = 0;
  /** How many of them each account has. */
  #counts = new Map<string, number>();
  /** Claimed for batches that are being written: account → bytes. */
  readonly #claimed = new Map<string, number>();
  #claimedBytes = 0;
  #changed: (() => void)[] = [];

  constructor(maxBytes: number, look: () => Promise<FoundBatch[]>, clock: Clock = systemClock) {
    this.#maxBytes = maxBytes;
    this.#look = look;
    this.#clock = clock;
  }

  /** Bytes that are taken: files and claims. */
  get usedBytes(): number {
    return this.#filesBytes + this.#claimedBytes;
  }

  /** Reads the directory. */
  async measure(): Promise<void> {
    const found = await this.#look();
    this.#files = new Map();
    this.#filesBytes = 0;
    this.#counts = new Map();
    for (const { account, batch, bytes } of found) this.#add(account, batch, bytes);
  }

  /** Claims space for one more message of the batch that an account writes; false when there is none now. */
  tryClaim(account: string, bytes: number): boolean {
    const fits = this.usedBytes + bytes <= this.#maxBytes;
    if (!fits && this.hasBatch(account)) return false;
    this.#claimed.set(account, (this.#claimed.get(account) ?? 0) + bytes);
    this.#claimedBytes += bytes;
    return true;
  }

  /** True while an account has a batch in the spool besides the one it is writing. */
  hasBatch(account: string): boolean {
    return this.batches(account) > 0;
  }

  /** How many batches an account has in the spool besides the one it is writing. */
  batches(account: string): number {
    return this.#counts.get(account) ?? 0;
  }

  /** Waits until something was removed, at most until the directory is to be read again. */
  async changed(signal?: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await Promise.race([this.woken(), this.#clock.wait(measureMs, stop.signal).then(() => this.measure())]);
    } finally {
      signal?.removeEventListener('abort', abort);
      stop.abort();
    }
  }

  /** Resolves when this process has removed something, or given back what it had claimed. */
  woken(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  /** A batch became a file: its claims end and its bytes count. */
  written(account: string, batch: string, bytes: number, claimed: number): void {
    this.release(account, claimed);
    this.#add(account, batch, bytes);
  }

  /** Claims that came to nothing. */
  release(account: string, bytes: number): void {
    const left = (this.#claimed.get(account) ?? 0) - bytes;
    if (left > 0) this.#claimed.set(account, left);
    else this.#claimed.delete(account);
    this.#claimedBytes = Math.max(0, this.#claimedBytes - bytes);
    this.#wake();
  }

  /** A batch's file is gone. */
  removed(account: string, batch: string): void {
    const bytes = this.#files.get(`${account}.${batch}`);
    if (bytes !== undefined) {
      this.#files.delete(`${account}.${batch}`);
      this.#filesBytes -= bytes;
      const left = this.batches(account) - 1;
      if (left > 0) this.#counts.set(account, left);
      else this.#counts.delete(account);
    }
    this.#wake();
  }

  #add(account: string, batch: string, bytes: number): void {
    const name = `${account}.${batch}`;
    if (this.#files.has(name)) return;
    this.#files.set(name, bytes);
    this.#filesBytes += bytes;
    this.#counts.set(account, this.batches(account) + 1);
  }

  #wake(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const resolve of waiting) resolve();
  }
}

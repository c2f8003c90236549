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
    const files = new Map((await this.#look()).map((file) => [`${file.account}.${file.batch}`, file.bytes]));
    this.#files = files;
    this.#filesBytes = [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
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
    for (const name of this.#files.keys()) if (name.startsWith(account)) return true;
    return false;
  }

  /** Waits until something was removed, at most until the directory is to be read again. */
  async changed(signal?: AbortSignal): Promise<void> {
    const stop = new AbortController();
    const abort = () => stop.abort(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const change = new Promise<void>((resolve) => this.#changed.push(resolve));
    try {
      await Promise.race([change, this.#clock.wait(measureMs, stop.signal).then(() => this.measure())]);
    } finally {
      signal?.removeEventListener('abort', abort);
      stop.abort();
    }
  }

  /** A batch became a file: its claims end and its bytes count. */
  written(account: string, batch: string, bytes: number, claimed: number): void {
    this.release(account, claimed);
    if (this.#files.has(`${account}.${batch}`)) return;
    this.#files.set(`${account}.${batch}`, bytes);
    this.#filesBytes += bytes;
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
    this.#filesBytes -= this.#files.get(`${account}.${batch}`) ?? 0;
    this.#files.delete(`${account}.${batch}`);
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const resolve of waiting) resolve();
  }
}

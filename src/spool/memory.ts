/**
 * Batches in memory: what was just written need not be read again to be appended. The file stays the truth; memory is
 * given to the batches that come first, and whoever finds none reads the file.
 */
import type { Manifest, SpooledBatch } from './batch-file.ts';

/** The memory of one spool, as one process has it. */
export class SpoolMemory {
  readonly #maxBytes: number;
  #usedBytes = 0;
  readonly #batches = new Map<string, HeldBatch>();
  #waiting: (() => void)[] = [];
  /** False while the append side takes nothing away: then nobody waits for it. */
  #moving = true;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Begins to hold the bytes of a batch that is being written. */
  begin(): HeldBytes {
    return new HeldBytes((bytes) => this.#take(bytes));
  }

  /** The batch is durable: it can be had from here until it is dropped, if all its bytes are held. */
  keep(account: string, manifest: Manifest, bytes: HeldBytes): void {
    if (bytes.isWhole && manifest.bytes > 0) this.#batches.set(keyOf(account, manifest.batch), { manifest, bytes });
    else bytes.forget();
  }

  /** A batch that is held; undefined when its file must be read. */
  open(account: string, batch: string): SpooledBatch | undefined {
    const held = this.#batches.get(keyOf(account, batch));
    return held && spooledBatch(held);
  }

  /** Gives up a batch. */
  drop(account: string, batch: string): void {
    this.#forget(keyOf(account, batch));
  }

  /** Gives up what is not among these; another process may have taken the rest. */
  retain(batches: readonly { readonly account: string; readonly batch: string }[]): void {
    const there = new Set(batches.map(({ account, batch }) => keyOf(account, batch)));
    for (const key of this.#batches.keys()) if (!there.has(key)) this.#forget(key);
  }

  /** True while half the memory is taken, some of it by this account, and the append side is at work on it. */
  isAhead(account: string): boolean {
    if (!this.#moving || this.#usedBytes <= this.#maxBytes / 2) return false;
    for (const key of this.#batches.keys()) if (key.startsWith(account)) return true;
    return false;
  }

  /** Resolves to true when something was given up, to false after `ms` without. */
  async released(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, ms, false);
    });
    const release = new Promise<boolean>((resolve) => this.#waiting.push(() => resolve(true)));
    const moving = await Promise.race([release, timeout]);
    clearTimeout(timer);
    if (!moving) this.#moving = false;
    return moving;
  }

  /** Takes memory, or gives it back when the number is negative; false when there is not so much. */
  #take(bytes: number): boolean {
    if (bytes > 0 && this.#usedBytes + bytes > this.#maxBytes) return false;
    this.#usedBytes += bytes;
    if (bytes < 0) this.#wake();
    return true;
  }

  #forget(key: string): void {
    this.#batches.get(key)?.bytes.forget();
    this.#batches.delete(key);
  }

  #wake(): void {
    this.#moving = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** The bytes of one batch, in the pieces in which they came. */
export class HeldBytes {
  readonly #take: (bytes: number) => boolean;
  #pieces: Buffer[] = [];
  /** Where each piece begins. */
  #starts: number[] = [];
  #bytes = 0;
  #whole = true;

  constructor(take: (bytes: number) => boolean) {
    this.#take = take;
  }

  /** False once there was no room for a piece. */
  get isWhole(): boolean {
    return this.#whole;
  }

  /** Adds a piece. */
  add(piece: Buffer): void {
    if (!this.#whole) return;
    if (this.#take(piece.length)) {
      this.#pieces.push(piece);
      this.#starts.push(this.#bytes);
      this.#bytes += piece.length;
    } else this.forget();
  }

  /** Takes away what lies behind the first `bytes` bytes. */
  cut(bytes: number): void {
    while (this.#bytes > bytes) {
      const last = this.#pieces.pop()!;
      const start = this.#starts.pop()!;
      this.#take(-last.length);
      this.#bytes = start;
      if (start < bytes) this.add(last.subarray(0, bytes - start));
    }
  }

  /** Gives the memory back. */
  forget(): void {
    this.#whole = false;
    this.#take(-this.#bytes);
    this.#pieces = [];
    this.#starts = [];
    this.#bytes = 0;
  }

  /** What is held now; whoever has it may go on reading after `forget`. */
  view(): BytesView {
    return { pieces: this.#pieces, starts: this.#starts };
  }
}

interface BytesView {
  readonly pieces: readonly Buffer[];
  readonly starts: readonly number[];
}

interface HeldBatch {
  readonly manifest: Manifest;
  readonly bytes: HeldBytes;
}

function spooledBatch({ manifest, bytes }: HeldBatch): SpooledBatch {
  const view = bytes.view();
  return {
    manifest,
    header: async ({ offset, headerBytes }) => Buffer.concat([...slices(view, offset, offset + headerBytes)]),
    async *content({ offset, size }) {
      yield* slices(view, offset, offset + size);
    },
    close: async () => {},
  };
}

/** What lies from `from` to `to`, without a copy. */
function* slices({ pieces, starts }: BytesView, from: number, to: number): Generator<Buffer> {
  for (let at = pieceAt(starts, from); at < pieces.length && starts[at]! < to; at += 1) {
    yield pieces[at]!.subarray(Math.max(0, from - starts[at]!), to - starts[at]!);
  }
}

/** The last piece that begins at or before a place. */
function pieceAt(starts: readonly number[], place: number): number {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= place) low = middle;
    else high = middle;
  }
  return low;
}

function keyOf(account: string, batch: string): string {
  return `${account}.${batch}`;
}

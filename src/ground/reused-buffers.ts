/** Buffers that are filled, handed to a connection, and filled again when it has taken what was in them. */

/** Size of each, in bytes. */
export const reusedBufferBytes = 64 * 1024;

/** What one connection has on its way fits into so many; where it is more, the others are used once. */
const keptBuffers = 8;

interface Kept {
  readonly memory: ArrayBuffer;
  /** Where in the stream of the connection the last of its pieces ends. */
  end: number;
}

/**
 * The buffers of one connection. New ones for everything that is sent would be cheap to make, but V8 counts what lies
 * outside its heap and collects all of its memory again and again for their sake.
 */
export class ReusedBuffers {
  readonly #taken: () => number;
  readonly #kept = new Map<ArrayBufferLike, Kept>();
  #lent: Buffer | undefined;

  /** @param taken how many bytes the connection has taken for good, of all that it was given */
  constructor(taken: () => number) {
    this.#taken = taken;
  }

  /**
   * A buffer to be filled. The one before must not be filled any more, and all that was to be sent of it must have been
   * told to `hold`.
   */
  lend(): Buffer {
    this.#lent = Buffer.from(this.#free() ?? this.#made());
    return this.#lent;
  }

  /** Whether this buffer is the one that was lent last, so that it still holds what it was filled with. */
  isLent(buffer: Buffer): boolean {
    return buffer === this.#lent;
  }

  /**
   * A piece is given to the connection and is the end of its first `end` bytes: its buffer is not lent again before the
   * connection has taken so many. Pieces of other buffers may be told as well.
   */
  hold(piece: Buffer, end: number): void {
    const kept = this.#kept.get(piece.buffer);
    if (kept) kept.end = end;
  }

  #free(): ArrayBuffer | undefined {
    const taken = this.#taken();
    for (const { memory, end } of this.#kept.values()) if (end <= taken) return memory;
    return undefined;
  }

  #made(): ArrayBuffer {
    const memory = Buffer.allocUnsafeSlow(reusedBufferBytes).buffer as ArrayBuffer;
    if (this.#kept.size < keptBuffers) this.#kept.set(memory, { memory, end: 0 });
    return memory;
  }
}

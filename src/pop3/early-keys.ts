/**
 * Keys of unique ids, made while the rest of a long list is still on its way: a server takes a while to list 100,000
 * messages, and whoever begins when it has ended takes half as long again.
 */

const firstRoom = 64;

/** What is made of each unique id. */
export interface UidlKeys {
  /** Bytes of a key. */
  readonly bytes: number;
  /** Writes the key of the unique id that stands between two places of a buffer at a place of another. */
  write(to: Buffer, at: number, uidls: Buffer, from: number, end: number): void;
}

/** The keys of the lines of one answer to UIDL, in their order. */
export class EarlyKeys {
  readonly #keys: UidlKeys;
  #made: Buffer;
  #length = 0;

  constructor(keys: UidlKeys) {
    this.#keys = keys;
    this.#made = Buffer.alloc(firstRoom * keys.bytes);
  }

  /** All keys, one behind the other. */
  get packed(): Buffer {
    return this.#made.subarray(0, this.#length);
  }

  /** Adds the keys of unique ids that stand in these bytes, which begin at `offset` of their answer. */
  add(bytes: Buffer, from: Uint32Array, to: Uint32Array, first: number, end: number, offset: number): void {
    const keys = this.#keys;
    const length = end * keys.bytes;
    if (length > this.#made.length) this.#made = Buffer.concat([this.#made], 2 * length);
    const made = this.#made;
    for (let line = first; line < end; line += 1) {
      keys.write(made, line * keys.bytes, bytes, from[line]! - offset, to[line]! - offset);
    }
    this.#length = length;
  }
}

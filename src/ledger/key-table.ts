/** A hash table over packed records that begin with a message key: 8 bytes a record beside the records themselves. */
import { keyBytes } from './record.ts';

/** Finds records by key; of several with one key the last counts. */
export class KeyTable {
  readonly #records: Buffer;
  readonly #stride: number;
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Distinct keys. */
  readonly size: number;

  /** `records` holds a record every `stride` bytes, its key first. */
  constructor(records: Buffer, stride: number) {
    this.#records = records;
    this.#stride = stride;
    const count = Math.floor(records.length / stride);
    const slots = 2 ** Math.ceil(Math.log2(Math.max(8, count * 2)));
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots).fill(-1);
    let size = 0;
    for (let i = 0; i < count; i += 1) {
      const slot = this.#slot(records, i * stride);
      if (this.#slots[slot] === -1) size += 1;
      this.#slots[slot] = i;
    }
    this.size = size;
  }

  /** Number of the record with the key that stands at `offset` of `bytes`, or -1. */
  find(bytes: Buffer, offset = 0): number {
    return this.#slots[this.#slot(bytes, offset)]!;
  }

  /** Numbers of the records, each key once, in no order. */
  *numbers(): Generator<number> {
    for (const number of this.#slots) if (number !== -1) yield number;
  }

  /** The slot of the key at `offset` of `bytes`, or the free one where it belongs. */
  #slot(bytes: Buffer, offset: number): number {
    let slot = bytes.readUInt32LE(offset) & this.#mask;
    for (;;) {
      const number = this.#slots[slot]!;
      if (number === -1) return slot;
      if (this.#isAt(number * this.#stride, bytes, offset)) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** Ten bytes: calling out of the language to compare them takes longer. */
  #isAt(at: number, bytes: Buffer, offset: number): boolean {
    for (let i = 0; i < keyBytes; i += 1) if (this.#records[at + i] !== bytes[offset + i]) return false;
    return true;
  }
}

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
  readonly #count: number;
  /** The keys alone, one behind the other; undefined until somebody wants to compare many at once. */
  #keys: Buffer | undefined;

  /** `records` holds a record every `stride` bytes, its key first. */
  constructor(records: Buffer, stride: number) {
    this.#records = records;
    this.#stride = stride;
    const count = Math.floor(records.length / stride);
    this.#count = count;
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

  /**
   * The same for who has an idea which record it is: right ideas, as a listing and its ledger give in turn, cost no look
   * into the table.
   */
  findNear(bytes: Buffer, offset: number, idea: number): number {
    // Where a key stands twice, the idea need not be the last one.
    const isRight = idea < this.#count && this.size === this.#count && this.#isAt(idea * this.#stride, bytes, offset);
    return isRight ? idea : this.find(bytes, offset);
  }

  /**
   * Whether `count` keys that stand one behind the other from `offset` on are those of the records from `first` on, and each
   * is the last with its key: one comparison for all of them.
   */
  isRow(bytes: Buffer, offset: number, count: number, first: number): boolean {
    if (this.size !== this.#count || first + count > this.#count) return false;
    const [from, to] = [first * keyBytes, (first + count) * keyBytes];
    return this.keys.compare(bytes, offset, offset + count * keyBytes, from, to) === 0;
  }

  /** The keys of all records, one behind the other. Made once; ten bytes a record. */
  get keys(): Buffer {
    this.#keys ??= keysOf(this.#records, this.#stride, this.#count);
    return this.#keys;
  }

  /** Numbers of the records, each key once, in no order. */
  *numbers(): Generator<number> {
    for (const number of this.#slots) if (number !== -1) yield number;
  }

  /** The slot of the key at `offset` of `bytes`, or the free one where it belongs. */
  #slot(bytes: Buffer, offset: number): number {
    let slot =
      (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) &
      this.#mask;
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

function keysOf(records: Buffer, stride: number, count: number): Buffer {
  const keys = Buffer.allocUnsafe(count * keyBytes);
  for (let to = 0, at = 0; to < keys.length; at += stride - keyBytes) {
    for (const end = to + keyBytes; to < end; to += 1, at += 1) keys[to] = records[at]!;
  }
  return keys;
}

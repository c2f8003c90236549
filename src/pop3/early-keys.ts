/**
 * Keys of unique ids, made while the rest of a long list is still on its way: a server takes a while to list 100,000
 * messages, and whoever begins when it has ended takes half as long again.
 */
import { eachLine } from './listing-lines.ts';

const lineFeed = 10;
const firstRoom = 64;
/** The beginning of a line is held up to this length, in bytes; no server has longer ones. */
const lineMaxBytes = 4096;

/** What is made of each unique id. */
export interface UidlKeys {
  /** Bytes of a key. */
  readonly bytes: number;
  /** Writes the key of a unique id at a place of a buffer. */
  write(to: Buffer, at: number, uidl: Buffer): void;
}

/** The keys of the lines of one answer to UIDL, in their order. */
export class EarlyKeys {
  readonly #keys: UidlKeys;
  /** The beginning of a line whose end has not come. */
  #rest: Buffer = Buffer.alloc(0);
  #made: Buffer;
  #lines = 0;
  #broken = false;

  constructor(keys: UidlKeys) {
    this.#keys = keys;
    this.#made = Buffer.alloc(firstRoom * keys.bytes);
  }

  /** The next bytes of the answer, wherever they were cut. Bytes that are no list end it: whoever reads all will say so. */
  take(chunk: Buffer): void {
    if (this.#broken) return;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const whole = bytes.lastIndexOf(lineFeed) + 1;
    this.#broken = bytes.length - whole > lineMaxBytes;
    this.#rest = Buffer.from(bytes.subarray(whole, whole + lineMaxBytes));
    try {
      eachLine(bytes.subarray(0, whole), 'UIDL', '', (_, from, to) => this.#make(bytes.subarray(from, to)));
    } catch {
      this.#broken = true;
    }
  }

  /** Copies the key of a line, counted from 0; false where none was made. */
  copy(line: number, to: Buffer, at: number): boolean {
    if (line < 0 || line >= this.#lines) return false;
    const { bytes } = this.#keys;
    for (let i = 0; i < bytes; i += 1) to[at + i] = this.#made[line * bytes + i]!;
    return true;
  }

  #make(uidl: Buffer): void {
    const at = this.#lines * this.#keys.bytes;
    if (at === this.#made.length) this.#made = Buffer.concat([this.#made], 2 * at);
    this.#keys.write(this.#made, at, uidl);
    this.#lines += 1;
  }
}

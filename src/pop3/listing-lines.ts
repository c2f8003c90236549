/** The lines of an answer to LIST or UIDL: a number, and what follows it. They are read while they come. */
import { MailhaulError } from '../ground/errors.ts';
import { EarlyKeys, type UidlKeys } from './early-keys.ts';
import type { PopOptions } from './endpoint.ts';

const LF = 10;
const CR = 13;
const TAB = 9;
const SPACE = 32;
const NOTHING = Buffer.alloc(0);
const firstRoom = 64;
/** The beginning of a cut line is held up to this length beyond that of a unique id, in bytes; no server has longer ones. */
const lineExtraBytes = 4096;

/** What reading lines needs to know of a connection. */
export interface ListingContext {
  endpoint: { host: string };
  options: Pick<PopOptions, 'popListingMaxMessages' | 'popUidlMaxBytes'>;
}

/** Gets lines `first` to `end` (not included) when they have come, in these bytes, which begin at `offset` of the answer. */
export type TakeLines = (bytes: Buffer, first: number, end: number, offset: number) => void;

/** The lines of one answer. Typed arrays, no object and no call a line: a maildrop may have very many. */
export class NumberedLines {
  readonly command: 'LIST' | 'UIDL';
  readonly #context: ListingContext;
  readonly #restMax: number;
  readonly #came: TakeLines;
  #numbers = new Uint32Array(firstRoom);
  // No buffer of this Node.js, and so no answer, is longer than these numbers reach.
  #from = new Uint32Array(firstRoom);
  #to = new Uint32Array(firstRoom);
  #count = 0;
  /** The beginning of a line whose end has not come. */
  #rest: Buffer = NOTHING;
  /** Where the next bytes stand in the answer. */
  #offset = 0;

  constructor(command: 'LIST' | 'UIDL', context: ListingContext, came: (lines: NumberedLines) => TakeLines) {
    this.command = command;
    this.#context = context;
    this.#restMax = context.options.popUidlMaxBytes + lineExtraBytes;
    this.#came = came(this);
  }

  /** The numbers of the lines, in their order. */
  get numbers(): Uint32Array {
    return this.#numbers.subarray(0, this.#count);
  }

  /** Where in the answer begins what follows the number of each line, without the blanks around. */
  get from(): Uint32Array {
    return this.#from.subarray(0, this.#count);
  }

  /** Where it ends; at its beginning when there is nothing. */
  get to(): Uint32Array {
    return this.#to.subarray(0, this.#count);
  }

  /** The next bytes of the answer, wherever they were cut. Throws `protocol-error` and `listing-too-large`. */
  take(chunk: Buffer): void {
    let begin = 0;
    if (this.#rest.length > 0) {
      begin = chunk.indexOf(LF) + 1;
      const cut = Buffer.concat([this.#rest, begin === 0 ? chunk : chunk.subarray(0, begin)]);
      this.#offset -= this.#rest.length;
      this.#rest = NOTHING;
      this.#take(cut, 0);
      if (begin === 0) return;
    }
    this.#take(chunk, begin);
  }

  /** The answer is over. Throws as `take` does. */
  finish(): void {
    if (this.#rest.length > 0) this.take(Buffer.from([LF]));
  }

  /** The error for an answer beyond a limit. */
  tooLarge(limit: string): MailhaulError {
    return new MailhaulError('listing-too-large', { host: this.#context.endpoint.host, limit });
  }

  #take(bytes: Buffer, begin: number): void {
    // Where these bytes begin in the answer.
    const offset = this.#offset - begin;
    const first = this.#count;
    const behind = this.#read(bytes, begin, offset);
    const { popListingMaxMessages } = this.#context.options;
    if (this.#count > popListingMaxMessages) throw this.tooLarge(`${popListingMaxMessages} messages`);
    this.#came(bytes, first, this.#count, offset);
    if (bytes.length - behind > this.#restMax) throw this.tooLarge(`${this.#restMax} bytes in one line`);
    if (behind < bytes.length) this.#rest = Buffer.from(bytes.subarray(behind));
    this.#offset = offset + bytes.length;
  }

  /** Reads whole lines from a place on. Returns the place behind the last one. Nothing else is done here: this is compiled while the lines come. */
  #read(bytes: Buffer, begin: number, offset: number): number {
    const { length } = bytes;
    let count = this.#count;
    let before = count === 0 ? 0 : this.#numbers[count - 1]!;
    let start = begin;
    for (;;) {
      let next = start;
      while (next < length && (bytes[next] === SPACE || bytes[next] === TAB)) next += 1;
      let value = 0;
      for (; next < length; next += 1) {
        const digit = bytes[next]! - 48;
        if (digit < 0 || digit > 9) break;
        value = value * 10 + digit;
      }
      let end = next;
      while (end < length && bytes[end] !== LF) end += 1;
      if (end === length) break;
      // RFC 1939 §5: numbers are decimal and start at 1. Out of order they belong to some other answer.
      const isNumber = value > before && value <= 0xffffffff && (end === next || isBlank(bytes[next]!));
      if (!isNumber) throw this.#disorder(bytes.subarray(start, end));
      before = value;
      let to = end;
      while (to > next && isBlank(bytes[to - 1]!)) to -= 1;
      while (next < to && isBlank(bytes[next]!)) next += 1;
      if (count === this.#numbers.length) this.#makeRoom();
      this.#numbers[count] = value;
      this.#from[count] = offset + next;
      this.#to[count] = offset + to;
      count += 1;
      start = end + 1;
    }
    this.#count = count;
    return start;
  }

  #disorder(line: Buffer): MailhaulError {
    const reply = line.toString('latin1', 0, 80);
    return new MailhaulError('protocol-error', { host: this.#context.endpoint.host, during: this.command, reply });
  }

  #makeRoom(): void {
    this.#numbers = twice(this.#numbers);
    this.#from = twice(this.#from);
    this.#to = twice(this.#to);
  }
}

/** What LIST tells. */
export class SizeLines {
  readonly lines: NumberedLines;
  #octets = new Float64Array(firstRoom);
  #octetsTotal = 0;

  constructor(context: ListingContext) {
    this.lines = new NumberedLines('LIST', context, (lines) => (bytes, first, end, offset) => {
      const { from } = lines;
      if (end > this.#octets.length) {
        const more = new Float64Array(2 * end);
        more.set(this.#octets);
        this.#octets = more;
      }
      // Post Office/NT lists -1 and others nothing; neither reads as a number, and 0 stands for unknown.
      let total = 0;
      for (let at = first; at < end; at += 1) {
        const octets = numberAt(bytes, from[at]! - offset);
        this.#octets[at] = octets;
        total += octets;
      }
      this.#octetsTotal += total;
    });
  }

  /** The sizes that the server claims, in bytes; 0 where it claims none. */
  get octets(): Float64Array {
    return this.#octets.subarray(0, this.lines.numbers.length);
  }

  /** Their sum, which is there when the last of them is. */
  get octetsTotal(): number {
    return this.#octetsTotal;
  }
}

/** What UIDL tells, and what is made of it. */
export class IdLines {
  readonly lines: NumberedLines;
  readonly #keys: EarlyKeys | undefined;

  constructor(context: ListingContext, uidlKeys?: UidlKeys) {
    const { popUidlMaxBytes } = context.options;
    const keys = uidlKeys && new EarlyKeys(uidlKeys);
    this.#keys = keys;
    this.lines = new NumberedLines('UIDL', context, (lines) => (bytes, first, end, offset) => {
      const { from, to } = lines;
      for (let at = first; at < end; at += 1) {
        if (to[at]! - from[at]! > popUidlMaxBytes) throw lines.tooLarge(`${popUidlMaxBytes} bytes in one unique id`);
      }
      keys?.add(bytes, from, to, first, end, offset);
    });
  }

  /** The keys of the lines, packed; undefined where none were to be made. */
  get keys(): Buffer | undefined {
    return this.#keys?.packed;
  }
}

/** The decimal number at a place, 0 where there is none. */
function numberAt(bytes: Buffer, at: number): number {
  let value = 0;
  for (let next = at; next < bytes.length; next += 1) {
    const digit = bytes[next]! - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}

function twice(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(2 * numbers.length);
  more.set(numbers);
  return more;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === CR;
}

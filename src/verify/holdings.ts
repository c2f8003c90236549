/**
 * What the destination holds: one packed record for each message of each mailbox, found by place and by fingerprint.
 * About 30 bytes a message, twice that while they are gathered. Pure.
 */
import { fingerprintBytes } from '../message/fingerprint.ts';

/** Fingerprint 9, mailbox 2, UID 4, size 4. */
const stride = fingerprintBytes + 10;
const mailboxAt = fingerprintBytes;
const uidAt = mailboxAt + 2;
const sizeAt = uidAt + 4;
const firstRoom = 1024;
/** Claims are counted in 15 bits; the last tells of messages that are gone from the source. */
const mostClaims = 0x7fff;
const goneClaim = 0x8000;

/** A mailbox of the destination. */
export interface HeldMailbox {
  readonly path: string;
  /** True for one that shows messages of other mailboxes once more (RFC 6154 \All, \Flagged). */
  readonly virtual: boolean;
  /** True when the UIDs that the ledger knows are from before the mailbox was replaced. */
  readonly renumbered: boolean;
}

/** One message at the destination. */
export interface Held {
  /** Its number in the holdings. */
  readonly number: number;
  /** Number of its mailbox. */
  readonly mailbox: number;
  readonly uid: number;
  /** RFC822.SIZE, in bytes. */
  readonly size: number;
  /** `fingerprintBytes` long, a view. */
  readonly fingerprint: Buffer;
}

/** Filled with `mailbox` and `add`, then `seal`ed, then searched. */
export class Holdings {
  readonly mailboxes: HeldMailbox[] = [];
  readonly #numbers = new Map<string, number>();
  #records: Buffer = Buffer.alloc(firstRoom * stride);
  #count = 0;
  #byPlace = new Uint32Array(0);
  #byFingerprint = new Uint32Array(0);
  #claims = new Uint16Array(0);

  get size(): number {
    return this.#count;
  }

  /** Adds a mailbox and gives its number. */
  mailbox(mailbox: HeldMailbox): number {
    this.#numbers.set(mailbox.path, this.mailboxes.length);
    return this.mailboxes.push(mailbox) - 1;
  }

  /** The number of a mailbox, or -1. */
  mailboxNumber(path: string): number {
    return this.#numbers.get(path) ?? -1;
  }

  add(mailbox: number, uid: number, size: number, fingerprint: Buffer): void {
    const at = this.#count * stride;
    if (at === this.#records.length) this.#records = Buffer.concat([this.#records], this.#records.length * 2);
    fingerprint.copy(this.#records, at, 0, fingerprintBytes);
    this.#records.writeUInt16BE(mailbox, at + mailboxAt);
    this.#records.writeUInt32BE(uid, at + uidAt);
    this.#records.writeUInt32BE(Math.min(size, 0xffffffff), at + sizeAt);
    this.#count += 1;
  }

  /** Everything was added. A message that the server told twice counts once. */
  seal(): void {
    const byPlace = (a: number, b: number) => this.#compare(a, b, mailboxAt, sizeAt);
    const all = Uint32Array.from({ length: this.#count }, (_, number) => number);
    // Servers tell them in order, and a sort that compares bytes takes long for a million.
    const sorted = all.every((number) => number === 0 || byPlace(number - 1, number) <= 0);
    if (!sorted) all.sort((a, b) => byPlace(a, b) || b - a);
    this.#byPlace = all.filter((number, i) => i === 0 || byPlace(all[i - 1]!, number) !== 0);
    this.#byFingerprint = this.#sortedByFingerprint(this.#byPlace);
    this.#claims = new Uint16Array(this.#count);
  }

  get(number: number): Held {
    const at = number * stride;
    return {
      number,
      mailbox: this.#records.readUInt16BE(at + mailboxAt),
      uid: this.#records.readUInt32BE(at + uidAt),
      size: this.#records.readUInt32BE(at + sizeAt),
      fingerprint: this.#records.subarray(at, at + fingerprintBytes),
    };
  }

  /** The message with this UID in this mailbox. */
  at(mailbox: number, uid: number): Held | undefined {
    const key = Buffer.alloc(sizeAt - mailboxAt);
    key.writeUInt16BE(mailbox, 0);
    key.writeUInt32BE(uid, 2);
    const place = this.#lowest(this.#byPlace, key, mailboxAt);
    const found = this.#byPlace[place];
    return found !== undefined && this.#matches(found, key, mailboxAt) ? this.get(found) : undefined;
  }

  /** All messages with this fingerprint. */
  alike(fingerprint: Buffer): Held[] {
    const found: Held[] = [];
    for (let i = this.#lowest(this.#byFingerprint, fingerprint, 0); i < this.#byFingerprint.length; i += 1) {
      const number = this.#byFingerprint[i]!;
      if (!this.#matches(number, fingerprint, 0)) break;
      found.push(this.get(number));
    }
    return found;
  }

  /** Groups of two and more messages that share a fingerprint. */
  *groups(): Generator<Held[]> {
    const order = this.#byFingerprint;
    for (let from = 0, to = 1; from < order.length; from = to) {
      to = from + 1;
      while (to < order.length && this.#compare(order[from]!, order[to]!, 0, fingerprintBytes) === 0) to += 1;
      if (to - from > 1) yield [...order.subarray(from, to)].map((number) => this.get(number));
    }
  }

  /** All messages, mailbox by mailbox and by their UIDs. */
  *[Symbol.iterator](): Generator<Held> {
    for (const number of this.#byPlace) yield this.get(number);
  }

  /** Notes that a message has this one as its twin; `listed` says that the source lists it. */
  claim(number: number, listed: boolean): void {
    const claims = this.#claims[number]!;
    if (!listed) this.#claims[number] = claims | goneClaim;
    else if ((claims & mostClaims) < mostClaims) this.#claims[number] = claims + 1;
  }

  /**
   * How many messages of the source have it as their twin. Those that the source does not list count as one, and only
   * where no other does: most are the same message under the unique id that it had before.
   */
  claims(number: number): number {
    const claims = this.#claims[number]!;
    return claims & mostClaims || (claims > 0 ? 1 : 0);
  }

  /** By the first 4 bytes and the number in one value, which sorts fast; the few that agree in them by all bytes. */
  #sortedByFingerprint(numbers: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
    const keys = Float64Array.from(numbers, (number) => this.#records.readUInt32BE(number * stride) * 2 ** 21 + number);
    const byBytes = (a: number, b: number) => this.#compare(a, b, 0, fingerprintBytes) || a - b;
    if (this.#count > 2 ** 21) return numbers.slice().sort(byBytes);
    keys.sort();
    const order = Uint32Array.from(keys, (key) => key % 2 ** 21);
    for (let from = 0, to = 1; from < order.length; from = to) {
      to = from + 1;
      while (to < order.length && this.#compare(order[from]!, order[to]!, 0, 4) === 0) to += 1;
      if (to - from > 1) order.subarray(from, to).sort(byBytes);
    }
    return order;
  }

  /** The first place of a sorted list whose record is not below the key. */
  #lowest(sorted: Uint32Array, key: Buffer, keyAt: number): number {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = sorted[middle]! * stride + keyAt;
      if (this.#records.compare(key, 0, key.length, at, at + key.length) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #matches(number: number, key: Buffer, keyAt: number): boolean {
    const at = number * stride + keyAt;
    return this.#records.compare(key, 0, key.length, at, at + key.length) === 0;
  }

  #compare(a: number, b: number, from: number, to: number): number {
    const [atA, atB] = [a * stride, b * stride];
    return this.#records.compare(this.#records, atB + from, atB + to, atA + from, atA + to);
  }
}

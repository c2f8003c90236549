/**
 * What must be at the destination: every message that the source lists, and every one that it does not list any more and
 * that the ledger knows, that waits in a spool or that is owed. Packed: about 50 bytes a message, its names, and 64 where
 * its content was read.
 */
import { KeyTable } from '../ledger/key-table.ts';
import type { OwedReason } from '../ledger/owed.ts';
import { keyBytes, type LedgerRecord, uidlKey } from '../ledger/record.ts';
import type { Repair } from '../ledger/repairs.ts';
import type { LedgerTable } from '../ledger/table.ts';
import { fingerprintBytes } from '../message/fingerprint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import { type Contents, contentsBytes, type HeaderMarks, packContents, unpackContents } from './contents.ts';
import { NameStore } from './names.ts';
import { type Verdict, verdicts } from './verdict.ts';

/** Key 10, fingerprint 9, flags 1. */
const stride = keyBytes + fingerprintBytes + 1;
const fingerprintAt = keyBytes;
const flagsAt = fingerprintAt + fingerprintBytes;

const flag = { fingerprint: 1, messageId: 2, shared: 4, contents: 8, anonymous: 16, deep: 32, compared: 64 } as const;

/** What is known of messages besides the ledger, by their keys in hexadecimal. */
export interface Underway {
  /** Those that wait in a spool. */
  readonly spooled: ReadonlySet<string>;
  /** Those that were listed and could not be taken, with the reason. */
  readonly owed: ReadonlyMap<string, OwedReason>;
  /** Those that stand at the destination in a repaired form, with what that is. */
  readonly repaired: ReadonlyMap<string, Repair>;
}

/** The messages of one account by number: first those of the listing in its order, then those that are gone from it. */
export class Expected {
  readonly listing: MaildropListing;
  readonly names: NameStore;
  readonly #records: Buffer;
  readonly #size: number;
  readonly #verdicts: Uint8Array;
  readonly #places: Int32Array;
  readonly #underway: Underway;
  #ledger: LedgerTable;
  #contents: Buffer | undefined;
  #count: number;

  constructor(listing: MaildropListing, ledger: LedgerTable, underway: Underway) {
    this.listing = listing;
    this.#ledger = ledger;
    this.#underway = underway;
    this.#size = listing.length + ledger.size + underway.spooled.size + underway.owed.size;
    this.#records = Buffer.alloc(this.#size * stride);
    this.#verdicts = new Uint8Array(this.#size);
    this.#places = new Int32Array(this.#size).fill(-1);
    this.names = new NameStore(this.#size);
    this.#count = listing.length;
    for (let n = 0; n < listing.length; n += 1) uidlKey(listing.uidl(n)).copy(this.#records, n * stride);
    this.#markAnonymous();
  }

  /** How many there are. */
  get size(): number {
    return this.#count;
  }

  /** True for a message that the source lists. */
  isListed(n: number): boolean {
    return n < this.listing.length;
  }

  /** True for a listed message without a unique id of its own: only its content gives it a key. */
  isAnonymous(n: number): boolean {
    return this.#has(n, flag.anonymous);
  }

  key(n: number): Buffer {
    return this.#records.subarray(n * stride, n * stride + keyBytes);
  }

  /** Gives an anonymous message the key of its content. */
  setKey(n: number, key: Buffer): void {
    key.copy(this.#records, n * stride);
  }

  /** What the ledger knows of it; a listed message that vanished once is there again, and nothing is known of it. */
  record(n: number): LedgerRecord | undefined {
    const record = this.#ledger.get(this.key(n));
    return record?.outcome === 'vanished' && this.isListed(n) ? undefined : record;
  }

  /** What it was repaired to on its way; undefined where it was sent as it is. */
  repair(n: number): Repair | undefined {
    const { repaired } = this.#underway;
    return repaired.size === 0 ? undefined : repaired.get(this.key(n).toString('hex'));
  }

  isSpooled(n: number): boolean {
    return this.#underway.spooled.has(this.key(n).toString('hex'));
  }

  /** Why it was listed once and could not be taken; undefined where it was, or was not tried. */
  owed(n: number): OwedReason | undefined {
    return this.#underway.owed.get(this.key(n).toString('hex'));
  }

  /** Takes a ledger that was read later. */
  renewLedger(ledger: LedgerTable): void {
    this.#ledger = ledger;
  }

  /** Sets what the header of a listed message says; of a repaired one that of its repaired form counts. */
  setMarks(n: number, marks: HeaderMarks): void {
    const repair = this.repair(n);
    const fingerprint = repair ? Buffer.from(repair.fingerprint, 'hex') : marks.fingerprint;
    fingerprint.copy(this.#records, n * stride + fingerprintAt, 0, fingerprintBytes);
    this.#set(n, flag.fingerprint, true);
    this.#set(n, flag.messageId, marks.hasMessageId);
    this.names.set(n, marks);
  }

  /** Undefined where the header was not read: the message is gone, or the source does not hand it out. */
  fingerprint(n: number): Buffer | undefined {
    const at = n * stride + fingerprintAt;
    return this.#has(n, flag.fingerprint) ? this.#records.subarray(at, at + fingerprintBytes) : undefined;
  }

  hasMessageId(n: number): boolean {
    return this.#has(n, flag.messageId);
  }

  /** True when no other message has its fingerprint. */
  isAlone(n: number): boolean {
    return !this.#has(n, flag.shared);
  }

  setContents(n: number, contents: Contents): void {
    // Untouched parts of a fresh buffer cost address space, not memory.
    this.#contents ??= Buffer.alloc(this.#size * contentsBytes);
    packContents(contents, this.#contents, n * contentsBytes);
    this.#set(n, flag.contents, true);
  }

  contents(n: number): Contents | undefined {
    return this.#has(n, flag.contents) ? unpackContents(this.#contents!, n * contentsBytes) : undefined;
  }

  /** Asks for the content of a message to be compared, whatever headers say. */
  setDeep(n: number): void {
    this.#set(n, flag.deep, true);
  }

  isDeep(n: number): boolean {
    return this.#has(n, flag.deep);
  }

  /** Notes that content at the destination was held against that of the message. */
  setCompared(n: number): void {
    this.#set(n, flag.compared, true);
  }

  isCompared(n: number): boolean {
    return this.#has(n, flag.compared);
  }

  /** Adds what the source does not list any more; call when all listed messages have their keys. */
  addGone(): void {
    const keys = Buffer.alloc(this.listing.length * keyBytes);
    for (let n = 0; n < this.listing.length; n += 1) this.key(n).copy(keys, n * keyBytes);
    const listed = new KeyTable(keys, keyBytes);
    const add = (key: Buffer) => {
      if (listed.find(key) !== -1) return;
      key.copy(this.#records, this.#count * stride);
      this.#count += 1;
    };
    for (const record of this.#ledger) add(record.key);
    const { spooled, owed } = this.#underway;
    for (const hex of new Set([...spooled, ...owed.keys()])) {
      const key = Buffer.from(hex, 'hex');
      if (!this.#ledger.get(key)) add(key);
    }
  }

  /** Notes which messages share their fingerprint; call when all headers were read. */
  markShared(): void {
    this.#markTwins(fingerprintAt, flag.shared, (n) => this.#has(n, flag.fingerprint));
  }

  /** Settles what became of a message; `place` is its number in the holdings, or -1. */
  decide(n: number, verdict: Verdict, place = -1): void {
    this.#verdicts[n] = verdicts.indexOf(verdict);
    this.#places[n] = place;
  }

  verdict(n: number): Verdict {
    return verdicts[this.#verdicts[n]!]!;
  }

  /** Number of the destination's message that is this one, or -1. */
  place(n: number): number {
    return this.#places[n]!;
  }

  /** RFC 1939 §7: unique ids may be missing, and identical copies may share one. */
  #markAnonymous(): void {
    const { listing } = this;
    const blank = (n: number) => !listing.hasUidl || listing.uidl(n).length === 0;
    for (let n = 0; n < listing.length; n += 1) if (blank(n)) this.#set(n, flag.anonymous, true);
    this.#markTwins(0, flag.anonymous, (n) => !blank(n));
  }

  /** Sets a flag for listed messages whose 10 bytes at `from` are also another's. */
  #markTwins(from: number, bit: number, counts: (n: number) => boolean): void {
    const numbers: number[] = [];
    for (let n = 0; n < this.listing.length; n += 1) if (counts(n)) numbers.push(n);
    const parts = Buffer.alloc(numbers.length * keyBytes);
    numbers.forEach((n, i) => {
      const at = n * stride + from;
      // Behind a fingerprint stand flags, which differ: the last byte of its part stays 0.
      const length = from === 0 ? keyBytes : fingerprintBytes;
      this.#records.copy(parts, i * keyBytes, at, at + length);
    });
    const table = new KeyTable(parts, keyBytes);
    numbers.forEach((n, i) => {
      const last = numbers[table.find(parts.subarray(i * keyBytes, (i + 1) * keyBytes))]!;
      if (last === n) return;
      this.#set(n, bit, true);
      this.#set(last, bit, true);
    });
  }

  #has(n: number, bit: number): boolean {
    return (this.#records[n * stride + flagsAt]! & bit) !== 0;
  }

  #set(n: number, bit: number, on: boolean): void {
    const at = n * stride + flagsAt;
    this.#records[at] = on ? this.#records[at]! | bit : this.#records[at]! & ~bit;
  }
}

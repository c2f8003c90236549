/** The ledger of one account in memory: packed records, a hash table of positions and the keys, about 50 bytes a message. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { KeyTable } from './key-table.ts';
import { keyBytes, type LedgerRecord, recordBytes, runAt, unpackRecord } from './record.ts';
import { type Standings, standingsOf } from './standings.ts';

/** Records in one page (a string in Redis): 4 KiB. */
export const pageRecords = 128;
const pagesAtOnce = 64;
/** So many keys of a listing are compared with the ledger at once. */
const rowKeys = 256;

/** True when anything of an account was ever settled. */
export async function hasLedger(redis: RedisClient, account: string): Promise<boolean> {
  return (await redis.hexists(accountKeys.ledger(account), 'records')) === 1;
}

/** Read-only view of all records; of several with one key the last one written counts. */
export class LedgerTable {
  readonly #records: Buffer;
  readonly #keys: KeyTable;
  #standings: Standings | undefined;

  constructor(records: Buffer) {
    this.#records = records;
    this.#keys = new KeyTable(records, recordBytes);
  }

  /** All records, one behind the other, as Redis has them. */
  get packed(): Buffer {
    return this.#records;
  }

  /** Distinct messages. */
  get size(): number {
    return this.#keys.size;
  }

  /** Reads an account's ledger. */
  static async load(redis: RedisClient, account: string): Promise<LedgerTable> {
    const count = Number((await redis.hget(accountKeys.ledger(account), 'records')) ?? 0);
    const pages = Math.ceil(count / pageRecords);
    const parts: Buffer[] = [];
    for (let first = 0; first < pages; first += pagesAtOnce) {
      const names = Array.from({ length: Math.min(pagesAtOnce, pages - first) }, (_, i) =>
        accountKeys.ledgerPage(account, first + i),
      );
      for (const page of await redis.mgetBuffer(names)) if (page) parts.push(page);
    }
    return new LedgerTable(Buffer.concat(parts));
  }

  /** What is known of a message, or undefined. */
  get(key: Buffer): LedgerRecord | undefined {
    const at = this.#keys.find(key);
    return at === -1 ? undefined : unpackRecord(this.#records, at * recordBytes);
  }

  /** Makes what `recordsOf` and `standings` need, which takes its time: for whoever has to wait for a listing anyway. */
  prepare(run: number): void {
    this.standings(run);
    void this.#keys.keys;
  }

  /**
   * For each of `count` packed keys the number of its record, or -1. Those of a listing stand mostly as in the ledger, one
   * behind the other.
   */
  recordsOf(keys: Buffer, count: number): Int32Array {
    const numbers = new Int32Array(count);
    let last = -1;
    for (let i = 0; i < count; ) {
      const end = Math.min(count, i + rowKeys);
      if (this.#keys.isRow(keys, i * keyBytes, end - i, last + 1)) {
        for (; i < end; i += 1) numbers[i] = last += 1;
        continue;
      }
      for (; i < end; i += 1) {
        const number = this.#keys.findNear(keys, i * keyBytes, last + 1);
        numbers[i] = number;
        if (number !== -1) last = number;
      }
    }
    return numbers;
  }

  /** How the records, by the numbers of `recordsOf`, stand to a run. */
  standings(run: number): Standings {
    if (this.#standings?.run !== run) this.#standings = standingsOf(this.#records, run);
    return this.#standings;
  }

  /** The records of one run, each message once. */
  *ofRun(run: number): Generator<LedgerRecord> {
    for (let at = 0; at + recordBytes <= this.#records.length; at += recordBytes) {
      // Of several records of one message the last counts, and it may be of another run.
      const isOf = runAt(this.#records, at) === run && this.#keys.find(this.#records, at) * recordBytes === at;
      if (isOf) yield unpackRecord(this.#records, at);
    }
  }

  /** All records, each message once. */
  *[Symbol.iterator](): Generator<LedgerRecord> {
    for (const at of this.#keys.numbers()) yield unpackRecord(this.#records, at * recordBytes);
  }
}

/** The ledger of one account in memory: packed records and a hash table of positions, about 40 bytes a message. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { KeyTable } from './key-table.ts';
import { type LedgerRecord, outcomeAt, recordBytes, runAt, unpackRecord } from './record.ts';

/** Records in one page (a string in Redis): 4 KiB. */
export const pageRecords = 128;
const pagesAtOnce = 64;

/** True when anything of an account was ever settled. */
export async function hasLedger(redis: RedisClient, account: string): Promise<boolean> {
  return (await redis.hexists(accountKeys.ledger(account), 'records')) === 1;
}

/** Read-only view of all records; of several with one key the last one written counts. */
export class LedgerTable {
  readonly #records: Buffer;
  readonly #keys: KeyTable;

  constructor(records: Buffer) {
    this.#records = records;
    this.#keys = new KeyTable(records, recordBytes);
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

  /** How and in which run the message ended whose key stands at `offset` of `bytes`; of it alone, as a listing asks for all. */
  ending(bytes: Buffer, offset: number): Pick<LedgerRecord, 'outcome' | 'run'> | undefined {
    const at = this.#keys.find(bytes, offset);
    if (at === -1) return undefined;
    return { outcome: outcomeAt(this.#records, at * recordBytes), run: runAt(this.#records, at * recordBytes) };
  }

  /** The records of one run, each message once. */
  *ofRun(run: number): Generator<LedgerRecord> {
    for (const at of this.#keys.numbers()) {
      if (runAt(this.#records, at * recordBytes) === run) yield unpackRecord(this.#records, at * recordBytes);
    }
  }

  /** All records, each message once. */
  *[Symbol.iterator](): Generator<LedgerRecord> {
    for (const at of this.#keys.numbers()) yield unpackRecord(this.#records, at * recordBytes);
  }
}

/** Whose twin each message of a mailbox is, by UID: what an index of another kind takes over from the one before. */
import type { IndexRecord } from './index-shard.ts';
import { KeyTable } from './key-table.ts';
import { keyBytes } from './record.ts';

/** Key 10, of which the UID takes 4, content 4, owner 3. */
const stride = keyBytes + 7;
const contentAt = keyBytes;
const ownerAt = contentAt + 4;
const firstRoom = 256;

/** The claims of one mailbox: about 33 bytes each. */
export class IndexClaims {
  readonly #records: Buffer;
  readonly #table: KeyTable;

  private constructor(records: Buffer) {
    this.#records = records;
    this.#table = new KeyTable(records, stride);
  }

  /** Gathers claimed records. */
  static async of(claimed: AsyncIterable<IndexRecord>): Promise<IndexClaims> {
    let records = Buffer.alloc(firstRoom * stride);
    let end = 0;
    for await (const { uid, content, owner } of claimed) {
      if (end === records.length) records = Buffer.concat([records], records.length * 2);
      records.writeUInt32LE(uid, end);
      records.writeUInt32BE(content, end + contentAt);
      records.writeUIntBE(owner, end + ownerAt, 3);
      end += stride;
    }
    return new IndexClaims(records.subarray(0, end));
  }

  /** What was claimed of the message with this UID; all 0 for nobody's. */
  of(uid: number): { content: number; owner: number } {
    const key = Buffer.alloc(keyBytes);
    key.writeUInt32LE(uid, 0);
    const at = this.#table.find(key) * stride;
    if (at < 0) return { content: 0, owner: 0 };
    return {
      content: this.#records.readUInt32BE(at + contentAt),
      owner: this.#records.readUIntBE(at + ownerAt, 3),
    };
  }
}

/** One shard of a mailbox index: packed records of 20 bytes, searched from the front. Pure. */
import { digest } from '../ground/digest.ts';
import { fingerprintBytes } from '../message/fingerprint.ts';

/** Bytes of a packed record: fingerprint 9, UID 4, content 4, owner 3. */
export const indexRecordBytes = 20;
const uidAt = fingerprintBytes;
const contentAt = uidAt + 4;
const ownerAt = contentAt + 4;

/** One message at the destination, or one that is on its way there. */
export interface IndexRecord {
  readonly fingerprint: Buffer;
  /** 0 while it is on its way, and where the server does not tell UIDs. */
  readonly uid: number;
  /** First 4 bytes of the SHA-256 at the source, as a number; 0 for mail that Mailhaul did not bring. */
  readonly content: number;
  /** Whose twin it is: 24 bits of the source message's identity; 0 for nobody's yet. */
  readonly owner: number;
}

/** All records of a shard that have this fingerprint. */
export function findRecords(shard: Buffer, fingerprint: Buffer): IndexRecord[] {
  const found: IndexRecord[] = [];
  const end = shard.length;
  for (
    let at = placeOf(shard, fingerprint, 0, end);
    at !== -1;
    at = placeOf(shard, fingerprint, at + indexRecordBytes, end)
  ) {
    found.push(recordAt(shard, at));
  }
  return found;
}

/** A shard after changes. */
export interface ShardChange {
  readonly bytes: Buffer;
  /** Where in them what is new begins and ends; behind that they are as before, or the shard ends. */
  readonly from: number;
  readonly to: number;
}

/**
 * The shard with records put in, one after the other. A record replaces the one of its UID, else the one that its owner has
 * under way. Mail that was found at the destination is nobody's: that it looks like something under way does not make it that.
 */
export function putRecords(shard: Buffer, records: readonly IndexRecord[]): ShardChange {
  const draft = new Draft(shard, records.length);
  for (const record of records) draft.put(record);
  return draft.change();
}

/** The shard without what the owners of these records have under way: it was refused. */
export function dropUnderWay(shard: Buffer, records: readonly IndexRecord[]): ShardChange {
  const draft = new Draft(shard, 0);
  for (const record of records) draft.drop(record);
  return draft.change();
}

/** All records of a shard. */
export function* shardRecords(shard: Buffer): Generator<IndexRecord> {
  for (let at = 0; at + indexRecordBytes <= shard.length; at += indexRecordBytes) yield recordAt(shard, at);
}

/** The records of a shard, as packed, by the shard that each belongs to among so many. */
export function spreadShard(shard: Buffer, shards: number): Map<number, Buffer[]> {
  const parts = new Map<number, Buffer[]>();
  for (let at = 0; at + indexRecordBytes <= shard.length; at += indexRecordBytes) {
    const record = shard.subarray(at, at + indexRecordBytes);
    const to = record.readUInt32LE(0) % shards;
    parts.set(to, [...(parts.get(to) ?? []), record]);
  }
  return parts;
}

/** A record as its 20 bytes. */
export function packIndexRecord(record: IndexRecord): Buffer {
  const packed = Buffer.alloc(indexRecordBytes);
  writeIndexRecord(packed, 0, record);
  return packed;
}

function writeIndexRecord(to: Buffer, at: number, { fingerprint, uid, content, owner }: IndexRecord): void {
  for (let i = 0; i < fingerprintBytes; i += 1) to[at + i] = fingerprint[i]!;
  to.writeUInt32BE(uid, at + uidAt);
  to.writeUInt32BE(content, at + contentAt);
  to.writeUIntBE(owner, at + ownerAt, 3);
}

function recordAt(shard: Buffer, at: number): IndexRecord {
  return {
    fingerprint: shard.subarray(at, at + fingerprintBytes),
    uid: shard.readUInt32BE(at + uidAt),
    content: shard.readUInt32BE(at + contentAt),
    owner: shard.readUIntBE(at + ownerAt, 3),
  };
}

/** Where the next record with this fingerprint begins, at `from` or behind it and before `end`; -1 where there is none. */
function placeOf(shard: Buffer, fingerprint: Buffer, from: number, end: number): number {
  if (fingerprint.length !== fingerprintBytes) throw new RangeError(`a fingerprint of ${fingerprint.length} bytes`);
  const first = fingerprint[0];
  // A call out of the language takes longer than a look at a hundred records.
  for (let at = from; at < end; at += indexRecordBytes) {
    if (shard[at] === first && isAt(shard, at, fingerprint)) return at;
  }
  return -1;
}

function isAt(shard: Buffer, at: number, fingerprint: Buffer): boolean {
  for (let i = 1; i < fingerprintBytes; i += 1) if (shard[at + i] !== fingerprint[i]) return false;
  return true;
}

/** 24 bits that tell whose twin a message is; never 0. */
export function ownerOf(account: string, messageKey: string): number {
  return Math.max(1, digest(3, 'owner', account, messageKey).readUIntBE(0, 3));
}

/** The first 32 bits of a message's SHA-256, never 0. */
export function contentMark(sha256: string): number {
  return Math.max(1, Number.parseInt(sha256.slice(0, 8), 16));
}

/** A copy of a shard that is being changed: copied once, however many records change. */
class Draft {
  readonly #bytes: Buffer;
  #length: number;
  #from = Number.POSITIVE_INFINITY;
  #to = 0;

  /** With room for so many records more. */
  constructor(shard: Buffer, more: number) {
    this.#length = shard.length;
    this.#bytes = Buffer.allocUnsafe(shard.length + more * indexRecordBytes);
    this.#bytes.set(shard);
  }

  put(record: IndexRecord): void {
    const { uid, owner } = record;
    const bytes = this.#bytes;
    let mine = -1;
    for (let at = this.#next(record, 0); at !== -1; at = this.#next(record, at + indexRecordBytes)) {
      const known = bytes.readUInt32BE(at + uidAt);
      if (uid !== 0 && known === uid) {
        if (owner !== 0) this.#claim(record, at);
        return;
      }
      if (mine === -1 && known === 0 && bytes.readUIntBE(at + ownerAt, 3) === owner) mine = at;
    }
    if (mine === -1) {
      mine = this.#length;
      this.#length += indexRecordBytes;
    }
    this.#write(record, mine);
  }

  /** Where it was; -1 where the owner has nothing of it under way. */
  drop(record: IndexRecord): number {
    const bytes = this.#bytes;
    let at = this.#next(record, 0);
    const isGone = () => bytes.readUInt32BE(at + uidAt) === 0 && bytes.readUIntBE(at + ownerAt, 3) === record.owner;
    while (at !== -1 && !isGone()) at = this.#next(record, at + indexRecordBytes);
    if (at === -1) return at;
    bytes.copyWithin(at, at + indexRecordBytes, this.#length);
    this.#length -= indexRecordBytes;
    this.#from = Math.min(this.#from, at);
    this.#to = this.#length;
    return at;
  }

  change(): ShardChange {
    const bytes = this.#bytes.subarray(0, this.#length);
    return { bytes, from: Math.min(this.#from, this.#length), to: this.#to };
  }

  /** The message at `at` is found to be its owner's, who has nothing under way then. */
  #claim(record: IndexRecord, at: number): void {
    const gone = this.drop(record);
    this.#write(record, gone !== -1 && gone < at ? at - indexRecordBytes : at);
  }

  #next({ fingerprint }: IndexRecord, from: number): number {
    return placeOf(this.#bytes, fingerprint, from, this.#length);
  }

  #write(record: IndexRecord, at: number): void {
    writeIndexRecord(this.#bytes, at, record);
    this.#from = Math.min(this.#from, at);
    this.#to = Math.max(this.#to, at + indexRecordBytes);
  }
}

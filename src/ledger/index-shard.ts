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
  return placesOf(shard, fingerprint).map(({ found }) => found);
}

/**
 * The shard with a record put in. A record replaces the one of its UID, else the one that its owner has under way. Mail
 * that was found at the destination is nobody's: that it looks like something under way does not make it that.
 */
export function putRecord(shard: Buffer, record: IndexRecord): Buffer {
  const same = placesOf(shard, record.fingerprint);
  const known = same.find(({ found }) => record.uid !== 0 && found.uid === record.uid);
  if (known) return record.owner === 0 ? shard : replaceAt(dropUnderWay(shard, record), record);
  const mine = same.find(({ found }) => found.uid === 0 && found.owner === record.owner);
  if (mine) return replaceAt(shard, record, mine.at);
  return Buffer.concat([shard, packIndexRecord(record)]);
}

/** The shard without what an owner has under way: it was refused. */
export function dropUnderWay(shard: Buffer, record: IndexRecord): Buffer {
  const gone = placesOf(shard, record.fingerprint).find(({ found }) => found.uid === 0 && found.owner === record.owner);
  if (!gone) return shard;
  return Buffer.concat([shard.subarray(0, gone.at), shard.subarray(gone.at + indexRecordBytes)]);
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
  record.fingerprint.copy(packed, 0, 0, fingerprintBytes);
  packed.writeUInt32BE(record.uid, uidAt);
  packed.writeUInt32BE(record.content, contentAt);
  packed.writeUIntBE(record.owner, ownerAt, 3);
  return packed;
}

function recordAt(shard: Buffer, at: number): IndexRecord {
  return {
    fingerprint: shard.subarray(at, at + fingerprintBytes),
    uid: shard.readUInt32BE(at + uidAt),
    content: shard.readUInt32BE(at + contentAt),
    owner: shard.readUIntBE(at + ownerAt, 3),
  };
}

function placesOf(shard: Buffer, fingerprint: Buffer): { at: number; found: IndexRecord }[] {
  if (fingerprint.length !== fingerprintBytes) throw new RangeError(`a fingerprint of ${fingerprint.length} bytes`);
  const places: { at: number; found: IndexRecord }[] = [];
  // One search over all of it costs less than a hundred comparisons; what it finds across records is none.
  for (let at = shard.indexOf(fingerprint); at !== -1; at = shard.indexOf(fingerprint, at + 1)) {
    if (at % indexRecordBytes === 0) places.push({ at, found: recordAt(shard, at) });
  }
  return places;
}

/** Overwrites the record at `at`, or the one with the same fingerprint and UID. */
function replaceAt(shard: Buffer, record: IndexRecord, at?: number): Buffer {
  const place = at ?? placesOf(shard, record.fingerprint).find(({ found }) => found.uid === record.uid)!.at;
  const copy = Buffer.from(shard);
  packIndexRecord(record).copy(copy, place);
  return copy;
}

/** 24 bits that tell whose twin a message is; never 0. */
export function ownerOf(account: string, messageKey: string): number {
  return Math.max(1, digest(3, 'owner', account, messageKey).readUIntBE(0, 3));
}

/** The first 32 bits of a message's SHA-256, never 0. */
export function contentMark(sha256: string): number {
  return Math.max(1, Number.parseInt(sha256.slice(0, 8), 16));
}

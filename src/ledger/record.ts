/** One record of the ledger: 32 bytes for each settled message. */
import { digest, digestsBehind } from '../ground/digest.ts';

/** How a message ended. */
export type Outcome = 'appended' | 'duplicate' | 'refused' | 'vanished' | 'accepted';

/** All of them; a record holds the place of one in this list, from 1. */
export const outcomes: readonly Outcome[] = ['appended', 'duplicate', 'refused', 'vanished', 'accepted'];

/** Bytes of a message key: two of a million messages collide with a chance below 10⁻¹². */
export const keyBytes = 10;
/** Bytes of a packed record. */
export const recordBytes = 32;
/** Where a packed record has the byte of its outcome. */
export const outcomeOffset = 10;

/** What the ledger knows of one settled message. */
export interface LedgerRecord {
  /** Message key, `keyBytes` long. */
  readonly key: Buffer;
  readonly outcome: Outcome;
  /** Number of the mailbox in the account's table of mailboxes; 0 for none. */
  readonly mailbox: number;
  /** UID at the destination; 0 when the server did not tell. */
  readonly uid: number;
  /** Bytes of the message at the source. */
  readonly size: number;
  /** The first 8 bytes of the SHA-256 of the message at the source; zeros when it was not fetched. */
  readonly content: Buffer;
  /** Number of the account's run that settled it. */
  readonly run: number;
}

/** The key of a message that has a unique id of its own. */
export function uidlKey(uidl: Buffer): Buffer {
  return digest(keyBytes, 'uidl', uidl);
}

/** Writes that key at a place of a buffer that holds many of them; the unique id stands between two places of `uidls`. */
export const writeUidlKey = digestsBehind(keyBytes, 'uidl');

/**
 * The key of a message whose unique id is missing or shared: its content, and which of several identical copies it is.
 * Such a message is fetched in every run.
 */
export function contentKey(sha256: string, copy: number): Buffer {
  return digest(keyBytes, 'content', sha256, String(copy));
}

/** A record as its 32 bytes: key 10, outcome 1, mailbox 2, uid 4, size 4, content 8, run 3. */
export function packRecord(record: LedgerRecord): Buffer {
  return packRecords([record]);
}

/** Records one behind the other, each as its 32 bytes. */
export function packRecords(records: readonly LedgerRecord[]): Buffer {
  const packed = Buffer.alloc(records.length * recordBytes);
  for (const [i, record] of records.entries()) writeRecord(packed, i * recordBytes, record);
  return packed;
}

function writeRecord(packed: Buffer, at: number, record: LedgerRecord): void {
  record.key.copy(packed, at, 0, keyBytes);
  packed[at + outcomeOffset] = outcomes.indexOf(record.outcome) + 1;
  packed.writeUInt16BE(record.mailbox, at + 11);
  packed.writeUInt32BE(record.uid, at + 13);
  packed.writeUInt32BE(Math.min(record.size, 0xffffffff), at + 17);
  record.content.copy(packed, at + 21, 0, 8);
  packed.writeUIntBE(record.run & 0xffffff, at + 29, 3);
}

/** The record that begins at `offset`. */
export function unpackRecord(packed: Buffer, offset: number): LedgerRecord {
  return {
    key: packed.subarray(offset, offset + keyBytes),
    outcome: outcomeOf(packed[offset + outcomeOffset]!),
    mailbox: packed.readUInt16BE(offset + 11),
    uid: packed.readUInt32BE(offset + 13),
    size: packed.readUInt32BE(offset + 17),
    content: packed.subarray(offset + 21, offset + 29),
    run: runAt(packed, offset),
  };
}

/** The outcome that a record has this byte for. */
export function outcomeOf(byte: number): Outcome {
  return outcomes[byte - 1] ?? 'vanished';
}

/** Number of the run that settled the message of the record that begins at `offset`. */
export function runAt(packed: Buffer, offset: number): number {
  // Asked of every record of a ledger: the reading function of Buffer takes several times as long.
  return (packed[offset + 29]! << 16) | (packed[offset + 30]! << 8) | packed[offset + 31]!;
}

/** One record of the ledger: 32 bytes for each settled message. */
import { digest, writeDigest } from '../ground/digest.ts';

/** How a message ended. */
export type Outcome = 'appended' | 'duplicate' | 'refused' | 'vanished' | 'accepted';

const outcomes: readonly Outcome[] = ['appended', 'duplicate', 'refused', 'vanished', 'accepted'];

/** Bytes of a message key: two of a million messages collide with a chance below 10⁻¹². */
export const keyBytes = 10;
/** Bytes of a packed record. */
export const recordBytes = 32;

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

/** Writes that key at a place of a buffer that holds many of them. */
export function writeUidlKey(keys: Buffer, at: number, uidl: Buffer): void {
  writeDigest(keys, at, keyBytes, 'uidl', uidl);
}

/**
 * The key of a message whose unique id is missing or shared: its content, and which of several identical copies it is.
 * Such a message is fetched in every run.
 */
export function contentKey(sha256: string, copy: number): Buffer {
  return digest(keyBytes, 'content', sha256, String(copy));
}

/** A record as its 32 bytes: key 10, outcome 1, mailbox 2, uid 4, size 4, content 8, run 3. */
export function packRecord(record: LedgerRecord): Buffer {
  const packed = Buffer.alloc(recordBytes);
  record.key.copy(packed, 0, 0, keyBytes);
  packed[10] = outcomes.indexOf(record.outcome) + 1;
  packed.writeUInt16BE(record.mailbox, 11);
  packed.writeUInt32BE(record.uid, 13);
  packed.writeUInt32BE(Math.min(record.size, 0xffffffff), 17);
  record.content.copy(packed, 21, 0, 8);
  packed.writeUIntBE(record.run & 0xffffff, 29, 3);
  return packed;
}

/** The record that begins at `offset`. */
export function unpackRecord(packed: Buffer, offset: number): LedgerRecord {
  return {
    key: packed.subarray(offset, offset + keyBytes),
    outcome: outcomeAt(packed, offset),
    mailbox: packed.readUInt16BE(offset + 11),
    uid: packed.readUInt32BE(offset + 13),
    size: packed.readUInt32BE(offset + 17),
    content: packed.subarray(offset + 21, offset + 29),
    run: runAt(packed, offset),
  };
}

/** How the message of the record that begins at `offset` ended. */
export function outcomeAt(packed: Buffer, offset: number): Outcome {
  return outcomes[packed[offset + 10]! - 1] ?? 'vanished';
}

/** Number of the run that settled the message of the record that begins at `offset`. */
export function runAt(packed: Buffer, offset: number): number {
  return packed.readUIntBE(offset + 29, 3);
}

/** Bringing the index of a mailbox up to date: the destination is the truth, the index a cache of it (design §8). */
import type { MailboxClient } from '../imap/mailboxes.ts';
import type { IndexClaims } from '../ledger/index-claims.ts';
import type { IndexRecord } from '../ledger/index-shard.ts';
import type { MailboxIndex } from '../ledger/mailbox-index.ts';
import { fingerprint, fingerprintBytes } from '../message/fingerprint.ts';
import { headerFields } from '../message/header.ts';

const recordsAtOnce = 500;

/** How what is read is entered. */
export interface RefreshOptions {
  readonly headerMaxBytes: number;
  /** Whose twins the messages are; nobody's yet where nothing is given. */
  readonly claims?: IndexClaims | undefined;
}

/** Reads the headers of everything from the index's UIDNEXT up to the mailbox's, and enters them. */
export async function refreshIndex(
  index: MailboxIndex,
  mailbox: { uidNext: number; exists: number },
  looker: () => Promise<MailboxClient>,
  { headerMaxBytes, claims }: RefreshOptions,
): Promise<void> {
  if (mailbox.uidNext <= index.uidNext) return;
  if (mailbox.exists > 0) {
    const client = await looker();
    let records: IndexRecord[] = [];
    for await (const { uid, header } of client.headers(
      index.path,
      index.uidNext,
      mailbox.uidNext - 1,
      headerMaxBytes,
    )) {
      const { bytes } = fingerprint(headerFields(header), index.kind);
      const { content, owner } = claims?.of(uid) ?? nobody;
      records.push({ fingerprint: bytes, uid, content, owner });
      if (records.length >= recordsAtOnce) {
        await index.put(records);
        records = [];
      }
    }
    await index.put(records);
  }
  // UIDNEXT is saved only when everything below it is indexed.
  await index.put([], () => mailbox.uidNext);
}

const nobody = { content: 0, owner: 0 } as const;

/** The fingerprints of records, packed. */
export async function packFingerprints(records: AsyncIterable<IndexRecord>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const { fingerprint: bytes } of records) parts.push(Buffer.from(bytes));
  return Buffer.concat(parts);
}

/** How many of these fingerprints (packed) the index has not, each counted as often as it occurs. */
export async function countMissing(index: MailboxIndex, fingerprints: Buffer): Promise<number> {
  let missing = 0;
  const step = recordsAtOnce * fingerprintBytes;
  for (let at = 0; at < fingerprints.length; at += step) {
    const part = fingerprints.subarray(at, at + step);
    const marks = Array.from({ length: part.length / fingerprintBytes }, (_, i) =>
      part.subarray(i * fingerprintBytes, (i + 1) * fingerprintBytes),
    );
    for (const found of await index.find(marks)) if (found.length === 0) missing += 1;
  }
  return missing;
}

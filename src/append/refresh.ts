/** Bringing the index of a mailbox up to date: the destination is the truth, the index a cache of it (design §8). */
import type { MailboxClient } from '../imap/mailboxes.ts';
import type { IndexRecord } from '../ledger/index-shard.ts';
import type { MailboxIndex } from '../ledger/mailbox-index.ts';
import { fingerprint } from '../message/fingerprint.ts';
import { headerFields } from '../message/header.ts';

const recordsAtOnce = 500;

/** Reads the headers of everything from the index's UIDNEXT up to the mailbox's, and enters them as nobody's twin yet. */
export async function refreshIndex(
  index: MailboxIndex,
  mailbox: { uidNext: number; exists: number },
  looker: () => Promise<MailboxClient>,
  headerMaxBytes: number,
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
      const { bytes } = fingerprint(headerFields(header));
      records.push({ fingerprint: bytes, uid, content: 0, owner: 0 });
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

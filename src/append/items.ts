/** The messages of one batch on their way to the destination. */
import { systemClock } from '../ground/clock.ts';
import type { ErrorCode } from '../ground/errors.ts';
import type { ReusedBuffers } from '../ground/reused-buffers.ts';
import type { Settings } from '../ground/settings.ts';
import type { AppendMessage } from '../imap/append-channel.ts';
import type { IndexRecord } from '../ledger/index-shard.ts';
import { contentMark, ownerOf } from '../ledger/index-shard.ts';
import type { Outcome } from '../ledger/record.ts';
import { packRefusal } from '../ledger/registry.ts';
import type { Settlement } from '../ledger/settle.ts';
import { describeMessage, type MessageDescription } from '../message/description.ts';
import { headerFields } from '../message/header.ts';
import type { BatchFile, SpooledMessage } from '../spool/batch-file.ts';
import type { Doubt } from './batch.ts';
import type { LastingFlags } from './lasting-flags.ts';
import type { Placement } from './placement.ts';
import type { RepairedForm } from './repaired-form.ts';

/** One message that is not settled. */
export interface Item {
  /** Its place in the batch. */
  readonly index: number;
  readonly message: SpooledMessage;
  readonly placement: Placement;
  readonly fingerprint: Buffer;
  readonly owner: number;
  readonly content: number;
  /** Set when an APPEND of it was sent and not answered. */
  readonly doubt: Doubt | undefined;
  /** Set where other bytes are sent than those of RETR, after a refusal. */
  readonly repaired?: RepairedForm;
  /** The flags that were left out after a refusal. */
  readonly lightened?: Lightened;
}

/** Which flags a message goes without. */
export type Lightened = 'keywords' | 'flags';

/** The item of a message. */
export function itemOf(
  account: string,
  index: number,
  message: SpooledMessage,
  placement: Placement,
  doubt: Doubt | undefined,
): Item {
  return {
    index,
    message,
    placement,
    fingerprint: Buffer.from(message.fingerprint, 'hex'),
    owner: ownerOf(account, message.key),
    content: contentMark(message.sha256),
    doubt,
  };
}

/** The index record of an item at a UID; 0 while it is on its way. */
export function indexRecordOf(item: Item, uid: number): IndexRecord {
  return { fingerprint: item.fingerprint, uid, content: item.content, owner: item.owner };
}

/** What is sent of an item: the bytes of RETR, unless they were refused and repaired. */
export function contentOf(
  { message, repaired }: Item,
  file: BatchFile,
  buffers?: ReusedBuffers,
): AsyncIterable<Buffer> {
  return repaired ? repaired.open() : file.content(message, buffers);
}

/** The item without its keywords, or where it has none left without any flag; undefined where it has none at all. */
export function lighterItem(item: Item): Item | undefined {
  const { flags } = item.placement;
  if (flags.length === 0) return undefined;
  // RFC 3501 §2.3.2: a flag without a backslash is a keyword
  const system = flags.filter((flag) => flag.startsWith('\\'));
  const lightened: Lightened = system.length > 0 && system.length < flags.length ? 'keywords' : 'flags';
  return { ...item, placement: { ...item.placement, flags: lightened === 'keywords' ? system : [] }, lightened };
}

/** What the append channel sends for an item. */
export function appendMessageOf(item: Item, file: BatchFile, lastingFlags: LastingFlags): AppendMessage {
  const { placement, repaired } = item;
  const { size, hasNul } = repaired ?? item.message;
  return {
    flags: lastingFlags.of(item),
    internalDate: placement.internalDate,
    size,
    hasNul,
    open: (buffers) => contentOf(item, file, buffers),
  };
}

/** Why a message was refused. */
export interface RefusalReason {
  readonly code: ErrorCode;
  readonly text: string;
  /** How often it was offered to the destination; once unless it is said. */
  readonly tries?: number | undefined;
  /** What the server said, where it was asked. */
  readonly reply?: string | undefined;
  /** What the message was: see `describeItem`. */
  readonly about?: MessageDescription | undefined;
}

/** What an item is, for the registry of what did not arrive; undefined where its header cannot be read any more. */
export async function describeItem(
  item: Item,
  file: BatchFile,
  { registrySubjects }: Pick<Settings, 'registrySubjects'>,
): Promise<MessageDescription | undefined> {
  const { value: header } = await file
    .headers([item.message])
    .next()
    .catch(() => ({ value: undefined }));
  return header && describeMessage(headerFields(header), registrySubjects);
}

/** Where a settled message stands. */
export interface SettledPlace {
  /** Path and number of the mailbox; empty and 0 for none. */
  readonly mailbox: string;
  readonly mailboxNumber: number;
  readonly uid: number;
}

/** The settlement of an item. */
export function settlementOf(
  item: Item,
  outcome: Outcome,
  run: number,
  place: SettledPlace,
  refusal?: RefusalReason,
): Settlement {
  const { key, size, sha256 } = item.message;
  return {
    index: item.index,
    outcome,
    mailbox: place.mailbox,
    refusal: refusal ? refusalOf(item, refusal, run) : '',
    record: {
      key: Buffer.from(key, 'hex'),
      outcome,
      mailbox: place.mailboxNumber,
      uid: place.uid,
      size,
      content: Buffer.from(sha256.slice(0, 16), 'hex'),
      run,
    },
  };
}

/** What is kept of a refused message. */
function refusalOf({ message, placement }: Item, { about, ...reason }: RefusalReason, run: number): string {
  const { uidl, size, sha256 } = message;
  const arrived = placement.internalDate;
  return packRefusal({ ...reason, uidl, size, sha256, arrived, ...about, at: systemClock.now(), run });
}

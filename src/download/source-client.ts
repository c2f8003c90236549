/** A source as a download session knows it: logged in to, in a thread of its own (decision 0019). */
import type { LedgerRecord } from '../ledger/record.ts';
import type { LedgerTable } from '../ledger/table.ts';
import type { FingerprintKind } from '../message/fingerprint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { PopRequest } from '../pop3/sink.ts';
import type { BatchOwner } from '../spool/batch-writer.ts';
import type { BatchReceiver } from './hand-over.ts';
import type { TakeHeader } from './header-sink.ts';
import type { Asked, Taken, TakerLimits } from './taker.ts';

/** One session of a source. One call at a time; all of them throw MailhaulError. */
export interface SourceClient {
  /** What the server can do after login: names in upper case with their arguments. Empty where it does not say. */
  readonly capabilities: ReadonlyMap<string, string>;
  /** The messages of the maildrop. */
  list(): Promise<MaildropListing>;
  /** Fetches messages in order, and gives at most `maxBytes` from the beginning of each. */
  look(requests: AsyncIterable<PopRequest>, maxBytes: number, take: TakeHeader): Promise<void>;
  /** Fetches messages in order into batches of the spool. */
  take(plan: TakePlan, requests: AsyncIterable<TakeRequest>, receiver: BatchReceiver): Taking;
  /** Says QUIT and closes. */
  quit(): Promise<void>;
  /** Drops the connection without QUIT. */
  destroy(): void;
}

/** A message that is to be taken. */
export interface TakeRequest extends PopRequest, Asked {}

/** What is taken, and how. */
export interface TakePlan {
  /** Directory of the spool. */
  readonly directory: string;
  readonly owner: BatchOwner;
  readonly limits: TakerLimits;
  /** Number of the run. */
  readonly run: number;
  readonly kind: FingerprintKind;
  /** Whether the receiver wants the headers. */
  readonly keepsHeaders: boolean;
  /** Given where messages have no unique id of their own, and what is known must be told by its content. */
  readonly known?: { readonly ledger: LedgerTable; readonly spooled: ReadonlySet<string> } | undefined;
  /** Given where the source seems to have renamed its mail: what was carried. */
  readonly renamed?: readonly LedgerRecord[] | undefined;
}

/** Messages that are being taken. */
export interface Taking {
  /** Bytes of the messages that were whole when something was last heard. */
  readonly received: number;
  /** Octets that are claimed for messages whose answers have not begun. */
  readonly dueOctets: number;
  /** Hands over what is whole at the next end of a message. */
  closeSoon(): void;
  /** Resolves when all that is whole is registered, or cannot be; never rejects. */
  readonly end: Promise<TakeEnd>;
}

/** How it ended. */
export interface TakeEnd {
  readonly taken: Taken;
  /** Requests whose answers have not begun, the first that was due first. */
  readonly due: readonly TakeRequest[];
  /** The message whose answer had begun when it broke off. */
  readonly current: Asked | undefined;
  /** What broke it off; undefined where all was fetched. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Why not all that is whole is handed over. */
  readonly handOverFailure: { readonly error: unknown } | undefined;
}

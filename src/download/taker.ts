/** Takes messages from the wire into batches: gathers each header on the way, and closes batches at their limits. */
import { crashPoint } from '../ground/crash-point.ts';
import { contentKey, type LedgerRecord, uidlKey } from '../ledger/record.ts';
import type { LedgerTable } from '../ledger/table.ts';
import { type FingerprintKind, fingerprint } from '../message/fingerprint.ts';
import { headerEnd, headerFields } from '../message/header.ts';
import type { PopRequest, PopSink } from '../pop3/sink.ts';
import { type BatchOwner, BatchWriter, type MessageBytes } from '../spool/batch-writer.ts';
import type { SpoolDirectory } from '../spool/spool-directory.ts';
import { type BatchReceiver, HandOver } from './hand-over.ts';
import type { RenamedMail } from './renamed.ts';

/** Limits of a batch, from the settings. */
export interface TakerLimits {
  readonly batchMaxMessages: number;
  readonly batchMaxBytes: number;
  readonly headerMaxBytes: number;
}

/** The first batches of a session are smaller, but not smaller than this. */
const smallBatchBytes = 1024 * 1024;

/** What the session knows of a message that was asked for. */
export interface Asked {
  readonly uidl: Buffer;
  /** True when the unique id stands for this message alone. */
  readonly hasOwnUidl: boolean;
  /** Space that was claimed for it. */
  readonly claimed: number;
}

/** A session that fetched nothing. */
export function nothingTaken(): Taken {
  return { messages: 0, bytes: 0, known: 0, refusedBefore: 0, renamed: [], unreadable: [], vanished: [] };
}

/** What became of the messages of a session. */
export interface Taken {
  /** Messages that are in batches. */
  messages: number;
  bytes: number;
  /** Messages without an own unique id that were fetched and found to be known by their content. */
  known: number;
  refusedBefore: number;
  /** Messages that were carried before under other unique ids. */
  renamed: LedgerRecord[];
  /** Messages that the server did not hand out, with its answers, or with how sessions broke off at them. */
  unreadable: { number: number; reply: string; asked: Asked }[];
  /** Messages that were deleted at the source before they were fetched. */
  vanished: Asked[];
}

/** The sink of one download session. */
export class Taker implements PopSink {
  readonly taken: Taken = nothingTaken();
  /** Bytes of all whole messages, those that were known included. */
  received = 0;
  readonly #asked: (number: number) => Asked;
  readonly #directory: SpoolDirectory;
  readonly #receiver: BatchReceiver;
  readonly #owner: BatchOwner;
  readonly #limits: TakerLimits;
  readonly #handOver: HandOver;
  readonly #ledger: LedgerTable;
  readonly #spooled: ReadonlySet<string>;
  readonly #renamed: RenamedMail | undefined;
  readonly #run: number;
  readonly #kind: FingerprintKind;
  readonly #keepsHeaders: boolean;
  /** How many messages of each content came without an own unique id. */
  readonly #copies = new Map<string, number>();
  #writer: BatchWriter;
  #claimed = 0;
  #current: Asked | undefined;
  #head: Buffer = Buffer.alloc(0);
  #headBytes = -1;
  #closeSoon = false;
  /** The first batches are closed early, so that the append side soon has something to do. */
  #haste = 8;

  constructor(session: {
    asked: (number: number) => Asked;
    directory: SpoolDirectory;
    owner: BatchOwner;
    limits: TakerLimits;
    receiver: BatchReceiver;
    /** Whether somebody nearby wants the headers soon. */
    keepsHeaders: boolean;
    ledger: LedgerTable;
    spooled: ReadonlySet<string>;
    /** Given where the source seems to have renamed its messages. */
    renamed: RenamedMail | undefined;
    run: number;
    /** What fingerprints are made of: all four fields where it is not given. */
    kind?: FingerprintKind;
  }) {
    this.#asked = session.asked;
    this.#directory = session.directory;
    this.#receiver = session.receiver;
    this.#keepsHeaders = session.keepsHeaders;
    this.#owner = session.owner;
    this.#limits = session.limits;
    this.#handOver = new HandOver(session.receiver);
    this.#ledger = session.ledger;
    this.#spooled = session.spooled;
    this.#renamed = session.renamed;
    this.#run = session.run;
    this.#kind = session.kind ?? 'headers';
    this.#writer = new BatchWriter(session.directory, session.owner);
  }

  /** The message whose answer has begun and is not known to be whole. */
  get current(): Asked | undefined {
    return this.#current;
  }

  start(request: PopRequest): void | Promise<void> {
    this.#current = this.#asked(request.number);
    this.#head = Buffer.alloc(0);
    this.#headBytes = -1;
    // A message that does not fit starts a batch of its own (design §3).
    const overfull = this.#writer.bytes + request.octets > this.#limits.batchMaxBytes;
    const closed = overfull && this.#writer.messages > 0 ? this.#closeBatch() : undefined;
    this.#claimed += this.#current.claimed;
    return closed;
  }

  data(chunk: Buffer): void | Promise<void> {
    crashPoint('mid-retr');
    if (this.#headBytes === -1) this.#gatherHead(chunk);
    return this.#writer.write(chunk);
  }

  end(): void | Promise<void> {
    const asked = this.#current!;
    this.#current = undefined;
    const bytes = this.#writer.endMessage();
    this.received += bytes.size;
    const key = this.#keyOf(asked, bytes);
    if (!asked.hasOwnUidl && this.#settledBefore(key)) return this.#writer.dropMessage();
    const renamed = this.#renamed?.take(bytes.sha256, bytes.size);
    if (renamed) {
      this.taken.renamed.push({ ...renamed, key, outcome: 'duplicate', run: this.#run });
      return this.#writer.dropMessage();
    }
    const head = this.#headBytes === -1 ? this.#head : this.#head.subarray(0, this.#headBytes);
    const { bytes: mark, hasMessageId } = fingerprint(headerFields(head), this.#kind);
    const header = head.subarray(0, bytes.size);
    // Copied: a slice would keep all of the piece that it arrived in.
    const kept = this.#keepsHeaders ? Buffer.from(header) : undefined;
    const facts = {
      key: key.toString('hex'),
      uidl: asked.uidl.toString('latin1'),
      headerBytes: header.length,
      fingerprint: mark.toString('hex'),
      hasMessageId,
    };
    this.#writer.keep(bytes, facts, kept);
    this.taken.messages += 1;
    this.taken.bytes += bytes.size;
    return this.#isFull() || this.#closeSoon ? this.#closeBatch() : undefined;
  }

  refused(request: PopRequest, reply: string): void {
    const asked = this.#asked(request.number);
    this.#receiver.release(asked.claimed);
    // Dovecot says "expunged", others "deleted" or "no such message": it was there when it was listed.
    if (/expunged|deleted|no such message|no longer/i.test(reply)) this.taken.vanished.push(asked);
    else this.taken.unreadable.push({ number: request.number, reply, asked });
  }

  /** Closes the batch at the next message boundary, so that what it holds can be appended while the session waits. */
  async closeSoon(): Promise<void> {
    if (this.#current) this.#closeSoon = true;
    else await this.#closeBatch();
  }

  /** Hands over what is whole; a message that is not is forgotten. */
  async finish(): Promise<void> {
    if (this.#current) await this.#writer.dropMessage();
    this.#current = undefined;
    await this.#closeBatch();
    await this.#handOver.settled();
  }

  #isFull(): boolean {
    const { batchMaxBytes, batchMaxMessages } = this.#limits;
    const fullBytes = Math.max(batchMaxBytes / this.#haste, Math.min(batchMaxBytes, smallBatchBytes));
    return this.#writer.bytes >= fullBytes || this.#writer.messages >= batchMaxMessages;
  }

  async #closeBatch(): Promise<void> {
    this.#closeSoon = false;
    if (this.#writer.messages > 0) this.#haste = Math.max(1, this.#haste / 2);
    const writer = this.#writer;
    const claimed = this.#claimed;
    this.#writer = new BatchWriter(this.#directory, this.#owner);
    this.#claimed = 0;
    return writer.messages > 0 ? this.#handOver.submit(writer, claimed) : this.#handOver.drop(writer, claimed);
  }

  #gatherHead(chunk: Buffer): void {
    const room = this.#limits.headerMaxBytes - this.#head.length;
    const piece = chunk.subarray(0, room);
    this.#head = this.#head.length === 0 ? piece : Buffer.concat([this.#head, piece]);
    this.#headBytes = headerEnd(this.#head);
    if (this.#headBytes === -1 && this.#head.length >= this.#limits.headerMaxBytes) this.#headBytes = this.#head.length;
  }

  #keyOf(asked: Asked, bytes: MessageBytes): Buffer {
    if (asked.hasOwnUidl) return uidlKey(asked.uidl);
    const copy = this.#copies.get(bytes.sha256) ?? 0;
    this.#copies.set(bytes.sha256, copy + 1);
    return contentKey(bytes.sha256, copy);
  }

  /** Counts a message that was known all the while, but not by its unique id. */
  #settledBefore(key: Buffer): boolean {
    if (this.#spooled.has(key.toString('hex'))) return true;
    const record = this.#ledger.get(key);
    if (!record || record.outcome === 'vanished') return false;
    if (record.run === this.#run) return true;
    if (record.outcome === 'refused') this.taken.refusedBefore += 1;
    else this.taken.known += 1;
    return true;
  }
}

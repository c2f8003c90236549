/** The outside of the append protocol as a model: a mailbox, what Redis keeps, and commands on their way. */
import type { Dedupe } from '../../src/append/twins.ts';
import { findRecords, type IndexRecord, putRecords } from '../../src/ledger/index-shard.ts';

/** A message of the source. Those with one `mark` agree in Message-ID, Date, From and Subject. */
export interface ModelMessage {
  readonly owner: number;
  readonly mark: number;
  readonly content: number;
  readonly hasMessageId: boolean;
}

/** A message at the destination; `owner` is 0 for what others delivered. */
export interface ModelStored {
  readonly uid: number;
  readonly mark: number;
  readonly content: number;
  readonly owner: number;
}

/** An APPEND whose closing bytes were sent. */
export interface ModelCommand {
  readonly name: string;
  readonly batch: number;
  readonly messages: readonly ModelMessage[];
}

/** What Redis knows of a command. */
export interface ModelIntent {
  readonly batch: number;
  readonly owners: readonly number[];
  readonly uidNext: number;
}

/** What an answer says: the UIDs where the server tells them. */
export interface ModelAnswer {
  readonly command: ModelCommand;
  readonly kind: 'stored' | 'refused';
  readonly uids: readonly number[] | undefined;
}

/** What differs between destinations. */
export interface ModelServer {
  readonly uidPlus: boolean;
  /** Messages that one command may carry. */
  readonly perCommand: number;
}

/** What a protocol without one of its protections would do: the test of the test. */
export interface Weakness {
  readonly noIntent?: boolean;
  readonly noFence?: boolean;
  readonly noTwins?: boolean;
  readonly noWaiting?: boolean;
}

/** The index key of a mark. */
export function markOf(mark: number): Buffer {
  return Buffer.alloc(9, mark);
}

/** Mailbox, Redis and network. What is in here outlives every session. */
export class World {
  readonly server: ModelServer;
  readonly weakness: Weakness;
  readonly dedupe: Dedupe;
  readonly batches: readonly (readonly ModelMessage[])[];
  readonly stored: ModelStored[] = [];
  uidNext = 1;
  /** Redis. */
  shard: Buffer = Buffer.alloc(0);
  indexedTo = 1;
  readonly intents = new Map<string, ModelIntent>();
  readonly settled = new Set<number>();
  token = 0;
  /** Messages that the server refused for a while. */
  readonly refused = new Set<number>();
  /** Commands of sessions that are gone: the server may store them yet, or never. */
  readonly orphans: ModelCommand[] = [];

  constructor(server: ModelServer, batches: readonly (readonly ModelMessage[])[], weakness: Weakness, dedupe: Dedupe) {
    this.server = server;
    this.dedupe = dedupe;
    this.batches = batches;
    this.weakness = weakness;
  }

  /** Stores messages and gives their UIDs. */
  store(messages: readonly { mark: number; content: number; owner: number }[]): number[] {
    return messages.map(({ mark, content, owner }) => {
      const uid = this.uidNext++;
      this.stored.push({ uid, mark, content, owner });
      return uid;
    });
  }

  /** The server does with an orphan what it still does with it: stores all, a part, or nothing. */
  endOrphan(at: number, how: number): void {
    const [command] = this.orphans.splice(at, 1);
    const { messages } = command!;
    if (how % 3 === 0) this.store(messages);
    if (how % 3 === 1) this.store(messages.filter((_, index) => ((how >> 2) >> index) % 2 === 0));
  }

  /** Writes into the index, where the token is the one that counts. */
  put(token: number, records: readonly IndexRecord[], uidNext?: number): boolean {
    if (!this.holds(token)) return false;
    this.shard = putRecords(this.shard, records).bytes;
    this.indexedTo = uidNext ?? this.indexedTo;
    return true;
  }

  find(mark: number): IndexRecord[] {
    return findRecords(this.shard, markOf(mark));
  }

  holds(token: number): boolean {
    return token === this.token || this.weakness.noFence === true;
  }
}

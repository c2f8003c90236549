/** What the board remembers of every account, and how it changes when an account is read again. Knows no Redis. */
import type { Account } from '../accounts/account.ts';
import type { Run } from '../ledger/run.ts';
import { type Standing, standingOf, totalsOf, unread } from '../ledger/standing.ts';
import { type MessageCounts, noMessages } from '../report/report.ts';
import { type Circumstances, countsOf, rowOf, sameRow } from './board-row.ts';
import type { TableEntry, TableLines } from './table.ts';

/** One account. */
export interface BoardEntry extends TableEntry {
  account: Account;
  standing: Standing;
  counts: MessageCounts;
  row: TableEntry['row'];
  /** When it was last read, by `performance.now`, and how often in a row nothing new was found. */
  readAt: number;
  quiet: number;
  /** The most that it ever had appended: a read while its next run begins finds less. */
  peak: Moved;
}

/** Messages and bytes that were appended. */
export interface Moved {
  readonly messages: number;
  readonly bytes: number;
}

const nothing: Moved = { messages: 0, bytes: 0 };
/** For each read in a row that found nothing new, the next one is so much later. */
const quietStepMs = 1000;

/** All accounts of the book, in the order of their ids. */
export class BoardMemory implements TableLines {
  readonly #circumstances: (account: Account) => Circumstances;
  readonly #byKey = new Map<string, BoardEntry>();
  /** Those whose run has not ended, and all, the one that was read longest ago first. */
  readonly #open = new Set<BoardEntry>();
  readonly #byAge = new Set<BoardEntry>();
  #book: readonly Account[] | undefined;
  #entries: readonly BoardEntry[] = [];
  #changed = new Set<BoardEntry>();
  #membersChanged = false;
  #isLoaded = false;
  #moved = nothing;
  #carried = nothing;
  version = 0;

  constructor(circumstances: (account: Account) => Circumstances) {
    this.#circumstances = circumstances;
  }

  get entries(): readonly BoardEntry[] {
    return this.#entries;
  }

  /** True once everything was read. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Appended since the board was opened; never falls. */
  get moved(): Moved {
    return this.#moved;
  }

  /** Appended in all runs of the accounts that are in the book now. */
  get carried(): Moved {
    return this.#carried;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** Takes the book over. Returns the keys of accounts that are new. */
  take(accounts: readonly Account[]): string[] {
    if (accounts === this.#book) return [];
    this.#book = accounts;
    const there = new Set(accounts.map(({ key }) => key));
    for (const [key, entry] of this.#byKey) if (!there.has(key)) this.#remove(key, entry);
    const added: string[] = [];
    for (const account of accounts) {
      const known = this.#byKey.get(account.key);
      if (!known) added.push(this.#add(account));
      else if (known.account !== account) this.#rename(known, account);
    }
    this.#entries = [...this.#byKey.values()].sort((a, b) => (a.account.id < b.account.id ? -1 : 1));
    this.#membersChanged = true;
    this.version += 1;
    return added;
  }

  /** An account was read (ledger/standing.ts) at `now`, by `performance.now`. */
  enter(key: string, told: string, now: number): void {
    const entry = this.#byKey.get(key);
    if (!entry) return;
    const isNew = told !== entry.standing.told;
    if (isNew) this.#change(entry, standingOf(told));
    entry.quiet = isNew ? 0 : entry.quiet + 1;
    entry.readAt = now;
    // Each takes its turn in the order of these sets.
    this.#byAge.delete(entry);
    this.#byAge.add(entry);
    this.#open.delete(entry);
    if (entry.standing.run?.finishedAt === 0) this.#open.add(entry);
  }

  /** Everything was read once: what comes later is new. */
  loaded(): void {
    this.#isLoaded = true;
  }

  /** What is paused has changed. */
  reshow(entry: BoardEntry): void {
    this.#show(entry);
  }

  /**
   * Keys of accounts whose run goes on, at most so many, in turn: those that moved when they were last read, and the
   * others less and less often, but not less than every `longestMs`.
   */
  openKeys(now: number, longestMs: number, most: number): string[] {
    const keys: string[] = [];
    for (const { account, readAt, quiet } of this.#open) {
      if (keys.length === most) break;
      if (now - readAt >= Math.min(quiet * quietStepMs, longestMs)) keys.push(account.key);
    }
    return keys;
  }

  /** Keys of the accounts that were read longest ago. */
  oldestKeys(most: number): string[] {
    const keys: string[] = [];
    for (const { account } of this.#byAge) {
      if (keys.length === most) break;
      keys.push(account.key);
    }
    return keys;
  }

  /** The rows that have changed since the last call, and whether accounts came or went. */
  takeChanges(): { readonly entries: readonly BoardEntry[]; readonly members: boolean } {
    const taken = { entries: [...this.#changed], members: this.#membersChanged };
    this.#changed = new Set();
    this.#membersChanged = false;
    return taken;
  }

  #change(entry: BoardEntry, standing: Standing): void {
    const isFirst = entry.standing === unread;
    const isLost = isLostSince(entry.standing.run, standing.run);
    entry.standing = standing;
    entry.counts = countsOf(standing.run);
    if (isLost) this.#forget(entry);
    const { number = 0, finishedAt = 0 } = standing.run ?? {};
    // What an account brings along from before it was put on the list, or a backup of Redis, was not appended now.
    const isOld = isFirst ? !this.#isLoaded || number > 1 || finishedAt > 0 : isLost && number > 1;
    this.#count(entry, isOld);
    this.#show(entry);
  }

  #add(account: Account): string {
    const standing = unread;
    const row = rowOf(standing, this.#circumstances(account));
    const entry: BoardEntry = { account, standing, counts: noMessages, row, readAt: 0, quiet: 0, peak: nothing };
    this.#byKey.set(account.key, entry);
    this.#byAge.add(entry);
    return account.key;
  }

  #rename(entry: BoardEntry, account: Account): void {
    entry.account = account;
    this.#show(entry);
  }

  #remove(key: string, entry: BoardEntry): void {
    this.#byKey.delete(key);
    this.#open.delete(entry);
    this.#byAge.delete(entry);
    this.#changed.delete(entry);
    this.#forget(entry);
  }

  /** What the account has carried counts no more. */
  #forget(entry: BoardEntry): void {
    const { messages, bytes } = this.#carried;
    this.#carried = { messages: messages - entry.peak.messages, bytes: bytes - entry.peak.bytes };
    entry.peak = nothing;
  }

  #count(entry: BoardEntry, isOld: boolean): void {
    const totals = totalsOf(entry.standing);
    const messages = Math.max(0, totals.appended - entry.peak.messages);
    const bytes = Math.max(0, totals.bytesAppended - entry.peak.bytes);
    if (messages === 0 && bytes === 0) return;
    entry.peak = { messages: entry.peak.messages + messages, bytes: entry.peak.bytes + bytes };
    this.#carried = { messages: this.#carried.messages + messages, bytes: this.#carried.bytes + bytes };
    if (isOld) return;
    this.#moved = { messages: this.#moved.messages + messages, bytes: this.#moved.bytes + bytes };
  }

  #show(entry: BoardEntry): void {
    const row = rowOf(entry.standing, this.#circumstances(entry.account));
    // The counts may differ where the row does not: those are summed up, too.
    this.version += 1;
    if (sameRow(row, entry.row)) return;
    entry.row = row;
    entry.words = undefined;
    this.#changed.add(entry);
  }
}

/** True when Redis has forgotten what it knew of an account: it numbers the runs from 1 again, or from an earlier one. */
function isLostSince(before: Run | undefined, now: Run | undefined): boolean {
  if (!before) return false;
  return !now || now.number < before.number || (now.number === before.number && now.id !== before.id);
}

/** The indexes of one destination in one session: each opened once, brought up to date, and of the kind that is compared. */
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { MailboxStatus } from '../imap/mailbox-info.ts';
import type { MailboxClient } from '../imap/mailboxes.ts';
import { IndexClaims } from '../ledger/index-claims.ts';
import { indexedAs, setIndexed } from '../ledger/index-kind.ts';
import { MailboxIndex } from '../ledger/mailbox-index.ts';
import type { Lease } from '../limits/lease.ts';
import { kindOf } from '../message/fingerprint.ts';
import { countMissing, packFingerprints, refreshIndex } from './refresh.ts';

/** A mailbox and its index. */
export interface Place {
  readonly path: string;
  readonly index: MailboxIndex;
}

/** A mailbox that is looked at for the sake of others. */
export interface Neighbour extends Place {
  /** What has this UID or a higher one came since anybody looked last; infinite when nobody had. */
  readonly newFrom: number;
  /** True where the index may not know whose twin a message is. */
  readonly carried: boolean;
}

/** The counters of a mailbox. */
interface MailboxState {
  readonly path: string;
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly exists: number;
}

/** What indexes are opened with. */
export interface IndexesOptions {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly host: string;
  readonly lease: Pick<Lease, 'login' | 'token'>;
  /** True when a person asked for another look, and so knows what was found missing. */
  readonly recheck: boolean;
  /** The connection that looks. */
  readonly looker: () => Promise<MailboxClient>;
}

/** Indexes of mailboxes that mail goes to that may keep what they read: about 1 MB each. */
const targetsAwake = 8;

/** The indexes that a session has open. Calls must not overlap: the connection that looks does one thing at a time. */
export class Indexes {
  readonly #options: IndexesOptions;
  readonly #open = new Map<string, Neighbour>();
  /** Mailboxes that mail is appended to, the last one used at the end. */
  readonly #targets = new Map<string, MailboxIndex>();

  constructor(options: IndexesOptions) {
    this.#options = options;
  }

  /**
   * The index of a selected mailbox that `incoming` messages may go to. A mailbox with another UIDVALIDITY is another
   * mailbox: if it lacks what was delivered, a person must look. Throws `uidvalidity-changed`.
   */
  async ofTarget(state: MailboxState, incoming: number): Promise<MailboxIndex> {
    const { index } = await this.#bringUpToDate(state, incoming);
    this.noteUsed(index);
    await this.#assertWhole(index);
    return index;
  }

  /** Mail goes to a mailbox now: of those that it went to long ago nothing is kept in memory, there may be hundreds. */
  noteUsed(index: MailboxIndex): void {
    this.#targets.delete(index.path);
    this.#targets.set(index.path, index);
    const resting = [...this.#targets.values()].at(-1 - targetsAwake);
    resting?.rest();
  }

  /**
   * The index of another mailbox, looked at once a session; undefined where it cannot be read. `status` is what this
   * session was told of it already.
   */
  async ofNeighbour(path: string, status?: MailboxStatus): Promise<Neighbour | undefined> {
    const open = this.#open.get(path);
    if (open) return open;
    try {
      return await this.#bringUpToDate(await this.#stateOf(path, status), 0);
    } catch (error) {
      if (error instanceof MailhaulError && error.code === 'mailbox-refused') return undefined;
      throw error;
    }
  }

  /**
   * Looks again at what arrived in a mailbox since its index was brought up to date. It may have been replaced since:
   * throws `uidvalidity-changed` as `ofTarget` does.
   */
  async refresh({ path, index }: Place): Promise<void> {
    await this.#update(index, await this.#stateOf(path), 0);
    if (this.#targets.has(path)) await this.#assertWhole(index);
  }

  /** Lets go of what memory a mailbox takes that nothing is appended to: there may be hundreds. */
  rest({ path, index }: Place): void {
    if (!this.#targets.has(path)) index.rest();
  }

  async #assertWhole(index: MailboxIndex): Promise<void> {
    if ((await index.missing()) === 0) return;
    throw new MailhaulError('uidvalidity-changed', { host: this.#options.host, mailbox: index.path });
  }

  async #stateOf(path: string, known?: MailboxStatus): Promise<MailboxState> {
    const { messages, ...counters } = known ?? (await (await this.#options.looker()).status(path));
    return { path, ...counters, exists: messages };
  }

  async #bringUpToDate(state: MailboxState, incoming: number): Promise<Neighbour> {
    const opened = this.#open.get(state.path) ?? (await this.#opened(state));
    await this.#update(opened.index, state, incoming);
    this.#open.set(state.path, opened);
    return opened;
  }

  async #opened(state: MailboxState): Promise<Neighbour> {
    const { redis, lease, settings } = this.#options;
    const { path } = state;
    const { kind, carried } = await indexedAs(redis, lease.login, path);
    const index = await MailboxIndex.open(redis, lease.login, path, lease.token, kind);
    const newFrom = index.uidValidity === state.uidValidity ? index.uidNext : Number.POSITIVE_INFINITY;
    if (kind === kindOf(settings.dedupe)) return { path, index, newFrom, carried };
    const wasUsed = carried || index.records > 0;
    return { path, index: await this.#successor(index, state, wasUsed), newFrom, carried: wasUsed };
  }

  /**
   * An index of the kind that is compared now, which takes over from one of another kind: it is read anew from the
   * destination, and only when it is whole does it count. Whoever is killed before that begins again with the old one.
   */
  async #successor(old: MailboxIndex, state: MailboxState, carried: boolean): Promise<MailboxIndex> {
    const { redis, lease, settings } = this.#options;
    const { path, uidValidity, exists } = state;
    if (old.uidValidity !== 0 && old.uidValidity !== uidValidity) await this.#update(old, state, 0);
    const kind = kindOf(settings.dedupe);
    const index = await MailboxIndex.open(redis, lease.login, path, lease.token, kind);
    // What a change that was cut off left behind, or the setting of long ago.
    await index.clear();
    await index.prepare(uidValidity, Math.max(old.records, exists));
    await this.#read(index, state, await IndexClaims.of(old.claimed()));
    await index.noteMissing(await old.missing());
    const indexed = await setIndexed(redis, lease.login, path, lease.token, { kind, carried });
    if (!indexed) throw new MailhaulError('lease-lost', { what: `the mailbox ${path}` });
    await old.clear();
    return index;
  }

  async #update(index: MailboxIndex, state: MailboxState, incoming: number): Promise<void> {
    const replaced = index.uidValidity !== 0 && index.uidValidity !== state.uidValidity;
    const claimed = replaced ? await packFingerprints(index.claimed()) : Buffer.alloc(0);
    await index.prepare(state.uidValidity, Math.max(index.records, state.exists) + incoming);
    await this.#read(index, state);
    if (replaced) await index.noteMissing(await countMissing(index, claimed));
    else if (this.#options.recheck) await index.noteMissing(0);
  }

  #read(index: MailboxIndex, state: { uidNext: number; exists: number }, claims?: IndexClaims): Promise<void> {
    const { settings, looker } = this.#options;
    return refreshIndex(index, state, looker, { headerMaxBytes: settings.headerMaxBytes, claims });
  }
}

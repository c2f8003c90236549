/** The open destination of one append session: its two connections, its mailboxes and their indexes. */
import { inTime } from '../ground/clock.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { AppendChannel, type SelectedMailbox } from '../imap/append-channel.ts';
import type { ImapEndpoint } from '../imap/door.ts';
import { hasMailboxLimits } from '../imap/features.ts';
import { offersQuota } from '../imap/mailbox-quota.ts';
import type { MailboxView } from '../imap/mailbox-view.ts';
import type { MailboxClient } from '../imap/mailboxes.ts';
import type { MailboxIndex } from '../ledger/mailbox-index.ts';
import { isOneAtATime, rememberOneAtATime } from '../limits/hosts.ts';
import type { Lease } from '../limits/lease.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import { withToken } from '../limits/token-login.ts';
import { ChannelPool } from './channel-pool.ts';
import type { ExtraConnections } from './extra-connections.ts';
import { Indexes } from './indexes.ts';
import type { KeptConnections, KeptPair } from './kept.ts';
import { DroppedFlags, type LastingFlags } from './lasting-flags.ts';
import { Neighbours } from './neighbours.ts';
import { Quotas } from './quota.ts';
import type { RuleSet } from './rules/rule-set.ts';
import { Targets } from './targets.ts';
import { type Connections, openConnections } from './two-logins.ts';

/** One mailbox that mail goes into. */
export interface OpenMailbox {
  readonly path: string;
  readonly index: MailboxIndex;
  readonly lastingFlags: LastingFlags;
  /** Bytes that a message may have (RFC 7889); undefined where that is not known. */
  readonly appendLimit: number | undefined;
}

/** What opening a destination takes. */
export interface DestinationOptions {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly endpoint: ImapEndpoint;
  readonly lease: Lease;
  /** `imap_mailbox` of the account. */
  readonly mailbox: string;
  readonly ruleSet: RuleSet;
  /** True when a person asked for another look, and so knows what was found missing. */
  readonly recheck: boolean;
  /** What the session may take of the host. */
  readonly budget: SessionBudget;
  /** True where the first append waits for a look at the mailboxes. */
  readonly looksFirst: boolean;
  /** Where connections are found and left; undefined where none are kept. */
  readonly kept: KeptConnections | undefined;
  /** Where leave for a second connection that appends is asked; undefined where there is none. */
  readonly extra?: ExtraConnections | undefined;
  /** Ends the keeping. */
  readonly release: AbortSignal;
}

/** Its connections: one or more that append, one that looks. */
export class Destination {
  readonly channels: ChannelPool;
  /** Where mail goes here. */
  readonly targets: Targets;
  readonly droppedFlags = new DroppedFlags();
  /** What its mailboxes have room for. */
  readonly quotas: Quotas;
  readonly indexes: Indexes;
  /** Where else a twin may stand. */
  readonly neighbours: Neighbours;
  readonly #looker: Promise<MailboxClient>;
  readonly #options: DestinationOptions;
  readonly #open = new Map<string, OpenMailbox>();
  #giveBack: () => void = () => {};

  private constructor(options: DestinationOptions, { channel, looker }: Connections, oneAtATime: boolean) {
    this.#options = options;
    const { endpoint, settings, lease, budget, redis } = options;
    const imapOptions = { ...settings, signal: lease.lost };
    const { host, port, user } = endpoint;
    const channelAgain = () => withToken(endpoint, (fresh) => AppendChannel.open(fresh, imapOptions));
    this.channels = new ChannelPool(channel, {
      again: () => budget.loginAgain(channelAgain),
      another: () => budget.another(channelAgain),
      beside: () => this.#beside(() => budget.another(channelAgain)),
      max: settings.appendConnectionsPerAccount,
      peer: { host, user },
      oneAtATime,
      onCut: () => void rememberOneAtATime(redis, host, port).catch(() => {}),
    });
    this.#looker = looker;
    const told = offersQuota(channel.capabilities);
    this.quotas = new Quotas(told ? async (path) => (await this.#looker).quotas(path) : undefined);
    this.targets = new Targets(options.mailbox, () => this.looker());
    const look = () => this.looker();
    this.indexes = new Indexes({ ...options, host, looker: look });
    const filled = (view: MailboxView) =>
      this.targets.existing(options.ruleSet.reaches(), settings.rulesMailboxesMax, view);
    this.neighbours = new Neighbours({ settings, looker: look, indexes: this.indexes, filled });
  }

  /** Logs in, once to append and once to look at mailboxes. Throws MailhaulError. */
  static async open(options: DestinationOptions): Promise<Destination> {
    const { redis, endpoint } = options;
    const oneAtATime = await isOneAtATime(redis, endpoint.host, endpoint.port);
    const again = await options.kept?.take(options.lease.login, endpoint, options.lease.lost);
    const connections = again ? { ...again, looker: Promise.resolve(again.looker) } : await openConnections(options);
    return new Destination(options, connections, oneAtATime);
  }

  /** The last look before something is sent that cannot be taken back. Throws `lease-lost`. */
  assertHeld(): void {
    this.#options.lease.assertHeld();
  }

  /** The connection that looks, when it has nothing else to do. Throws what its login threw. */
  async looker(): Promise<MailboxClient> {
    await this.quotas.quiet();
    return this.#looker;
  }

  /**
   * Opens a mailbox for the appends that follow: the first time it is created when missing, selected, and its index is
   * brought up to date. `incoming` is how many messages may come, for planning the index.
   */
  async use(path: string, incoming: number): Promise<OpenMailbox> {
    const open = this.#open.get(path);
    if (open) return open;
    const selected = await this.#select(path);
    this.quotas.open(selected.path);
    // The same mailbox by another name: two indexes of it would not know of each other.
    const same = this.#open.get(selected.path);
    if (same) return same;
    const index = await this.indexes.ofTarget(selected, incoming);
    const appendLimit = await this.#limitOf(selected.path);
    const lastingFlags = this.droppedFlags.in(selected.path, selected.permanentFlags);
    const mailbox = { path: selected.path, index, lastingFlags, appendLimit };
    this.#open.set(path, mailbox).set(selected.path, mailbox);
    return mailbox;
  }

  /** Opens a mailbox again that is not what it was: it is created where it is gone (RFC 3501 §6.3.11). */
  async reopen(path: string, incoming: number): Promise<OpenMailbox> {
    const before = this.#open.get(path);
    for (const [name, mailbox] of this.#open) if (mailbox === before) this.#open.delete(name);
    return this.use(path, incoming);
  }

  /** Only where mailboxes have limits of their own must the first append wait for the connection that looks. */
  async #limitOf(path: string): Promise<number | undefined> {
    const { capabilities, features } = this.channels.first;
    return hasMailboxLimits(capabilities) ? (await this.looker()).appendLimit(path) : features.appendLimit;
  }

  /**
   * Leaves one connection of each kind to the next session of this login, or logs out of all. Where the host allows so many, they are
   * not kept, and none is given back that is not closed yet.
   */
  async close(): Promise<void> {
    const { endpoint, lease, kept, release } = this.#options;
    const pair = await this.#spare();
    const closed = this.channels.close(kept && pair?.channel).finally(() => this.#giveBack());
    if (pair && kept) return kept.keep(lease.login, endpoint, pair, release);
    const all = Promise.allSettled([closed, this.#looker.then((looker) => looker.close())]);
    if (this.#isCounted) await all;
  }

  /** Drops all connections. */
  destroy(): void {
    this.channels.destroy();
    this.#giveBack();
    this.#looker.then((looker) => looker.destroy()).catch(() => {});
  }

  get #isCounted(): boolean {
    const { connections, connectionsPerAccount } = this.#options.budget.limits;
    return connections + connectionsPerAccount > 0;
  }

  /** Where connections or logins are counted they are for other accounts, which gain more. */
  async #beside(open: () => Promise<AppendChannel | undefined>): Promise<AppendChannel | undefined> {
    const { extra, settings, budget } = this.#options;
    if (this.#isCounted || budget.limits.loginsPerSecond > 0 || settings.appendConnectionsPerAccount < 2)
      return undefined;
    const giveBack = extra?.take();
    if (!giveBack) return undefined;
    this.#giveBack = giveBack;
    const channel = await open().catch(() => undefined);
    if (!channel) giveBack();
    return channel;
  }

  /** What another session may go on with. A traced one is not: its lines name the run. */
  async #spare(): Promise<KeptPair | undefined> {
    const channel = this.channels.spare;
    if (!channel || this.#isCounted || this.#options.endpoint.trace) return undefined;
    const looker = await inTime(this.#looker, 0);
    return looker && { channel, looker };
  }

  async #select(path: string): Promise<SelectedMailbox> {
    const first = await this.channels.select(path);
    if (!first.missing) return first;
    const created = await (await this.looker()).ensure(path);
    const second = await this.channels.select(created);
    if (!second.missing) return second;
    const { host } = this.#options.endpoint;
    throw new MailhaulError('mailbox-refused', {
      host,
      mailbox: path,
      reply: 'it is missing right after its creation',
    });
  }
}

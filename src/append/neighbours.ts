/** The other mailboxes of a destination in which the twin of a message may stand. */
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import type { MailboxInfo, MailboxStatus } from '../imap/mailbox-info.ts';
import type { MailboxView } from '../imap/mailbox-view.ts';
import type { MailboxClient } from '../imap/mailboxes.ts';
import type { Indexes, Neighbour } from './indexes.ts';

/** What was thrown away or sorted out may be gone tomorrow, and a view of other mailboxes holds no mail of its own. */
const passedOver: ReadonlySet<string | undefined> = new Set(['\\Trash', '\\Junk', '\\Flagged']);

/** What neighbours are found by. */
export interface NeighboursContext {
  readonly settings: Pick<Settings, 'dedupe' | 'dedupeScope'>;
  readonly indexes: Indexes;
  /** The existing mailboxes that the rules of the account can fill. */
  readonly filled: (view: MailboxView) => Promise<readonly string[]>;
  readonly looker: () => Promise<MailboxClient>;
}

/** Mailboxes besides the one that a message goes to; they are looked at and never selected for appending. */
export class Neighbours {
  readonly #context: NeighboursContext;
  /** What was told of mailboxes in this session; each is good for one look. */
  readonly #told = new Map<string, MailboxStatus>();
  #paths: Promise<readonly string[]> | undefined;

  constructor(context: NeighboursContext) {
    this.#context = context;
  }

  /**
   * The mailboxes besides `home`, one after the other, each up to date. `forgotten` says that no ledger tells where
   * mail went before: then all are looked at that the account's rules can fill, whatever the scope.
   */
  async *beside(home: string, forgotten: boolean): AsyncGenerator<Neighbour> {
    const { settings, indexes } = this.#context;
    if (settings.dedupe === 'off' || (settings.dedupeScope === 'mailbox' && !forgotten)) return;
    for (const path of await this.#list()) {
      if (path === home) continue;
      const neighbour = await indexes.ofNeighbour(path, this.#told.get(path));
      this.#told.delete(path);
      if (!neighbour || neighbour.index.records === 0) continue;
      try {
        yield neighbour;
      } finally {
        indexes.rest(neighbour);
      }
    }
  }

  /** How many messages stand in the mailboxes besides `home`; 0 where headers alone cannot prove that one is a twin. */
  async messages(home: string): Promise<number> {
    const { dedupe } = this.#context.settings;
    if (dedupe === 'off' || dedupe === 'content') return 0;
    let sum = 0;
    for (const path of await this.#list()) {
      if (path !== home) sum += await this.#messagesIn(path);
    }
    return sum;
  }

  /** The mailboxes besides `home` with this UIDVALIDITY: one that was renamed keeps it as a rule. */
  async *renamed(home: string, uidValidity: number): AsyncGenerator<Neighbour> {
    const { indexes, looker } = this.#context;
    const client = await looker();
    for (const { path, selectable } of await client.list()) {
      if (!selectable || path === home) continue;
      const found = await client.status(path).catch(unlessRefused);
      const neighbour = found?.uidValidity === uidValidity ? await indexes.ofNeighbour(path) : undefined;
      if (neighbour) yield neighbour;
    }
  }

  async #messagesIn(path: string): Promise<number> {
    const told = this.#told.get(path);
    if (told) return told.messages;
    const looker = await this.#context.looker();
    const status = await looker.status(path).catch(unlessRefused);
    if (status) this.#told.set(path, status);
    return status?.messages ?? 0;
  }

  #list(): Promise<readonly string[]> {
    this.#paths ??= this.#find();
    return this.#paths;
  }

  async #find(): Promise<readonly string[]> {
    const { settings, filled, looker } = this.#context;
    const view = await (await looker()).view(true);
    for (const { path, status } of view.mailboxes) if (status) this.#told.set(path, status);
    const fillable = await filled(view);
    if (settings.dedupeScope === 'mailbox') return fillable;
    // Where the server marks no mailbox, their names tell.
    const thrown = [view.special('\\Trash'), view.special('\\Junk')];
    const isLookedAt = ({ path, selectable, specialUse }: MailboxInfo) =>
      selectable && !passedOver.has(specialUse) && !thrown.includes(path);
    const others = view.mailboxes.filter(isLookedAt).map(({ path }) => path);
    return [...new Set([...fillable, ...others])];
  }
}

/** A mailbox that cannot be read holds no twin. */
function unlessRefused(error: unknown): undefined {
  if (error instanceof MailhaulError && error.code === 'mailbox-refused') return undefined;
  throw error;
}

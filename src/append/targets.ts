/** Where targets are at one destination: found once a session, made where they are missing. */
import type { MailboxClient } from '../imap/mailboxes.ts';
import { mainTarget, type Target, targetKey } from './target.ts';

/** The targets of one destination. */
export class Targets {
  readonly #main: string;
  readonly #looker: () => Promise<MailboxClient>;
  readonly #paths = new Map<string, Promise<string>>();

  /** `main` is `imap_mailbox`. */
  constructor(main: string, looker: () => Promise<MailboxClient>) {
    this.#main = main;
    this.#looker = looker;
  }

  /** The full path of a target; its mailbox is made where it is missing. Throws MailhaulError. */
  pathOf(target: Target): Promise<string> {
    // INBOX is always there (RFC 3501 §5.1), and the first append need not wait for the connection that looks
    if (target.kind === 'main' && this.#main.toUpperCase() === 'INBOX') return Promise.resolve('INBOX');
    const key = targetKey(target);
    const path = this.#paths.get(key) ?? this.#find(target);
    this.#paths.set(key, path);
    return path;
  }

  /** The paths of all mailboxes that mail of this account may stand in already; only the account's own is made. */
  async existing(): Promise<string[]> {
    const main = await this.pathOf(mainTarget);
    const sent = await (await this.#looker()).special('\\Sent');
    return [...new Set([main, ...(sent === undefined ? [] : [sent])])];
  }

  /** Names that the destination did not take, with the names of the mailboxes that serve for them. */
  async renamed(): Promise<ReadonlyMap<string, string>> {
    // No mailbox was asked for by name where only INBOX was needed, and then nobody waits for that connection
    return this.#paths.size === 0 ? new Map() : (await this.#looker()).renamed;
  }

  async #find(target: Target): Promise<string> {
    const looker = await this.#looker();
    // A person writes imap_mailbox in full, with the delimiter of the server; what a rule makes may have dots in it
    if (target.kind === 'main') return looker.ensure(this.#main, 'either');
    return target.kind === 'named' ? looker.ensure(target.name, 'levels') : looker.ensureSpecial(target.use);
  }
}

/** Where targets are at one destination: found once a session, made where they are missing. */
import type { MailboxClient } from '../imap/mailboxes.ts';
import { type Target, targetKey } from './target.ts';

/** The name of a special-use mailbox that has to be made. */
const newNames = {
  '\\Sent': 'Sent',
  '\\Junk': 'Junk',
  '\\Archive': 'Archive',
  '\\Trash': 'Trash',
  '\\Drafts': 'Drafts',
};

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
    if (target.kind === 'main') return Promise.resolve(this.#main);
    const key = targetKey(target);
    const path = this.#paths.get(key) ?? this.#find(target);
    this.#paths.set(key, path);
    return path;
  }

  /** The paths of all mailboxes that mail of this account may stand in already; none is made. */
  async existing(): Promise<string[]> {
    const sent = await this.#specialIfAny('\\Sent');
    return [...new Set([this.#main, ...(sent === undefined ? [] : [sent])])];
  }

  async #find(target: Exclude<Target, { kind: 'main' }>): Promise<string> {
    const looker = await this.#looker();
    if (target.kind === 'named') return looker.ensure(target.name);
    return (await this.#specialIfAny(target.use)) ?? looker.ensure(newNames[target.use]);
  }

  /** RFC 6154: by attribute, whatever its name is. */
  async #specialIfAny(use: string): Promise<string | undefined> {
    const list = await (await this.#looker()).list();
    return list.find((mailbox) => mailbox.specialUse === use && mailbox.selectable)?.path;
  }
}

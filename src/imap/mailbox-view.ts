/** The mailboxes of one listing, by name and by use: what was listed once is not asked for again. */

import type { SpecialUse } from '../ground/settings-templates.ts';
import { type NameCandidates, nameCandidates } from './mailbox-candidates.ts';
import type { MailboxInfo } from './mailbox-info.ts';
import { levelsOf, type Namespace, type Notation } from './mailbox-path.ts';
import { specialMailbox } from './special-use.ts';

/** What a server listed at one moment. */
export class MailboxView {
  /** All mailboxes of the personal namespace, and INBOX. */
  readonly mailboxes: readonly MailboxInfo[];
  readonly #namespace: Namespace;

  constructor(mailboxes: readonly MailboxInfo[], namespace: Namespace) {
    this.mailboxes = mailboxes;
    this.#namespace = namespace;
  }

  /** The full name of a mailbox that can be opened, as `ensure` would give it; undefined where there is none. */
  find(name: string, notation: Notation = 'either'): string | undefined {
    return existingMailbox(name, nameCandidates(name, this.#namespace, notation), this.mailboxes, notation);
  }

  /**
   * The mailbox with a special use (RFC 6154), or the one of the name `below` in it; one with a well-known name only
   * where the server gives none that use.
   */
  special(use: SpecialUse, below?: string): string | undefined {
    const base = specialMailbox(this.mailboxes, use, this.#namespace);
    return base === undefined || below === undefined ? base : this.find(this.below(base, below), 'levels');
  }

  /** The name of a mailbox below another: the levels of that one are known by the server's delimiter, its own by `/`. */
  below(base: string, name: string): string {
    return [...levelsOf(base, this.#namespace, 'either'), name].join('/');
  }
}

/** The best of the candidates that can be opened; last what a server calls exactly so. */
export function existingMailbox(
  name: string,
  { names }: NameCandidates,
  listing: readonly MailboxInfo[],
  notation: Notation,
): string | undefined {
  // INBOX always exists (RFC 3501 §5.1)
  if (names[0] === 'INBOX') return 'INBOX';
  const paths = listing.filter((one) => one.selectable).map(({ path }) => path);
  const order = notation === 'either' ? [name, ...names] : [...names, name];
  const exact = order.find((one) => paths.includes(one));
  if (exact !== undefined) return exact;
  // Written with composed characters or without, they are the same to a reader
  return order.flatMap((one) => paths.find((path) => path.normalize('NFC') === one.normalize('NFC')) ?? [])[0];
}

/** Which mailbox has a special use: by its attribute, and by its name only where no mailbox has that attribute. */
import type { SpecialUse } from '../ground/settings-templates.ts';
import type { MailboxInfo } from './mailbox-info.ts';
import { levelsOf, type Namespace } from './mailbox-path.ts';
import { foldedName, knownNames } from './special-use-names.ts';

/** The names of special-use mailboxes that have to be made. */
export const newSpecialNames: Readonly<Record<SpecialUse, string>> = {
  '\\Sent': 'Sent',
  '\\Junk': 'Junk',
  '\\Archive': 'Archive',
  '\\Trash': 'Trash',
  '\\Drafts': 'Drafts',
};

/** The mailbox of a listing that has a use; always the same one of several. Undefined where there is none. */
export function specialMailbox(
  listing: readonly MailboxInfo[],
  use: SpecialUse,
  namespace: Namespace,
): string | undefined {
  const selectable = listing.filter((mailbox) => mailbox.selectable);
  const ranks = knownNames(use);
  const rankOf = ({ path }: MailboxInfo) => ranks.get(foldedName(topLevelName(path, namespace))) ?? ranks.size;
  // RFC 6154 §2: several mailboxes may have one use
  const marked = selectable.filter((mailbox) => mailbox.specialUse === use);
  // One with another use is not it, whatever its name: what \All shows, other mailboxes hold
  const named = selectable.filter(
    (mailbox) => mailbox.specialUse === undefined && mailbox.path !== 'INBOX' && rankOf(mailbox) < ranks.size,
  );
  const found = marked.length > 0 ? marked : named;
  return found.sort((a, b) => rankOf(a) - rankOf(b) || (a.path < b.path ? -1 : 1))[0]?.path;
}

/**
 * The name of a mailbox right below the namespace or INBOX, where servers and programs put theirs; empty for deeper
 * ones, since "Customers/Sent" is somebody's own.
 */
function topLevelName(path: string, namespace: Namespace): string {
  const levels = levelsOf(path, namespace, 'either');
  const below = levels.length === 2 && levels[0]!.toUpperCase() === 'INBOX' ? levels.slice(1) : levels;
  return below.length === 1 ? below[0]! : '';
}

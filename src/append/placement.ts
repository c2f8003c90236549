/** Where a message goes, with which date and which flags (design §7). */
import type { Settings } from '../ground/settings.ts';
import { arrivalDate, internalDate } from '../message/date.ts';
import { headerFields } from '../message/header.ts';
import { isOwnMail } from '../message/own-mail.ts';

/** The place of one message at the destination. */
export interface Placement {
  /** `own` is the mailbox for mail that the user sent, `main` the account's mailbox. */
  readonly role: 'main' | 'own';
  readonly internalDate: string | undefined;
  readonly flags: readonly string[];
}

/** What the rules look at besides the message. */
export interface PlacementRules {
  readonly settings: Pick<Settings, 'placement' | 'seen'>;
  /** Addresses of the user, in lower case. */
  readonly addresses: ReadonlySet<string>;
  /** True when the account's first run fetched the message. */
  readonly firstRun: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The placement of a message by its header. */
export function place(header: Buffer, rules: PlacementRules): Placement {
  const fields = headerFields(header);
  const { placement, seen } = rules.settings;
  const date = arrivalDate(fields, rules.now);
  return {
    role: placement === 'sent' && isOwnMail(fields, rules.addresses) ? 'own' : 'main',
    internalDate: date && internalDate(date),
    flags: seen === 'all' || (seen === 'first-run' && rules.firstRun) ? ['\\Seen'] : [],
  };
}

/** The addresses of an account's user: those of its user names that are addresses. */
export function ownAddresses(...users: readonly string[]): ReadonlySet<string> {
  return new Set(users.filter((user) => user.includes('@')).map((user) => user.toLowerCase()));
}

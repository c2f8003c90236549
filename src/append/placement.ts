/** Where a message goes, with which date and which flags (design §7). */
import type { Settings } from '../ground/settings.ts';
import { headerFields } from '../message/header.ts';
import { isOwnMail } from '../message/own-mail.ts';
import { type ArrivalRules, arrivalOf } from './arrival.ts';
import { mainTarget, sentTarget, type Target } from './target.ts';

/** The place of one message at the destination. */
export interface Placement {
  readonly target: Target;
  readonly internalDate: string | undefined;
  readonly flags: readonly string[];
}

/** What the rules look at besides the message. */
export interface PlacementRules extends ArrivalRules {
  readonly settings: Pick<Settings, 'placement'> & ArrivalRules['settings'];
  /** Addresses of the user, in lower case. */
  readonly addresses: ReadonlySet<string>;
}

/** The placement of a message by its header. */
export function place(header: Buffer, rules: PlacementRules): Placement {
  const fields = headerFields(header);
  const own = rules.settings.placement === 'sent' && isOwnMail(fields, rules.addresses);
  const { internalDate, flags } = arrivalOf(fields, rules);
  return { target: own ? sentTarget : mainTarget, internalDate, flags };
}

/** The addresses of an account's user: those of its user names that are addresses. */
export function ownAddresses(...users: readonly string[]): ReadonlySet<string> {
  return new Set(users.filter((user) => user.includes('@')).map((user) => user.toLowerCase()));
}

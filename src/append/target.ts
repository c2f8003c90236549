/** Where a message is to go, before it is known what the destination calls that place. */
import type { SpecialUse } from '../ground/settings-templates.ts';

/** A mailbox by its part: the account's own (`imap_mailbox`), the one with a special use or one below it, or one by name. */
export type Target =
  | { readonly kind: 'main' }
  /** `/` separates the levels of `below`. */
  | { readonly kind: 'special'; readonly use: SpecialUse; readonly below?: string }
  /** `/` separates levels, whatever the destination's delimiter is. */
  | { readonly kind: 'named'; readonly name: string };

/** The account's own mailbox. */
export const mainTarget: Target = { kind: 'main' };

/** One text for each target, for maps, and for people: empty for the account's own. */
export function targetKey(target: Target): string {
  if (target.kind === 'main') return '';
  if (target.kind === 'named') return target.name;
  return target.below === undefined ? target.use : `${target.use}/${target.below}`;
}

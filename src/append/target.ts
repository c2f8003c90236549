/** Where a message is to go, before it is known what the destination calls that place. */

/** The uses of RFC 6154 §2 that mail may be sent to. */
export const specialTargets = ['\\Sent', '\\Junk', '\\Archive', '\\Trash', '\\Drafts'] as const;

/** One of them. */
export type SpecialTarget = (typeof specialTargets)[number];

/** A mailbox by its part: the account's own (`imap_mailbox`), the one with a special use, or one by name. */
export type Target =
  | { readonly kind: 'main' }
  | { readonly kind: 'special'; readonly use: SpecialTarget }
  /** `/` separates levels, whatever the destination's delimiter is. */
  | { readonly kind: 'named'; readonly name: string };

/** The account's own mailbox. */
export const mainTarget: Target = { kind: 'main' };

/** The mailbox for mail that the user sent. */
export const sentTarget: Target = { kind: 'special', use: '\\Sent' };

/** One text for each target, for maps. */
export function targetKey(target: Target): string {
  if (target.kind === 'main') return '';
  return target.kind === 'special' ? target.use : `/${target.name}`;
}

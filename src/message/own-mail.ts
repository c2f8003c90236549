/** Who sent a message: what tells mail of the user from mail to the user. */
import type { HeaderFields } from './header.ts';

/**
 * True when the user sent this message: an address of theirs stands in From and none among the recipients (design §7).
 * A note to oneself is mail to oneself.
 */
export function isOwnMail(fields: HeaderFields, addresses: ReadonlySet<string>): boolean {
  const from = addressesIn(fields, ['from']);
  if (!from.some((address) => addresses.has(address))) return false;
  return !addressesIn(fields, ['to', 'cc', 'bcc']).some((address) => addresses.has(address));
}

/** Everything in the named fields that looks like an address, in lower case. A linear scan, not a parser. */
function addressesIn(fields: HeaderFields, names: readonly string[]): string[] {
  const text = names.flatMap((name) => fields.get(name) ?? []).join(',');
  return text
    .slice(0, 65536)
    .split(/[\s,;<>()"']+/)
    .filter((word) => word.includes('@'))
    .map((word) => word.toLowerCase());
}

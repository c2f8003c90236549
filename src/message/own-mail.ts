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

/** The domain of the sender's address, in lower case; undefined where From has no address. */
export function fromDomain(fields: HeaderFields): string | undefined {
  const [address] = addressesIn(fields, ['from']);
  return address?.slice(address.lastIndexOf('@') + 1) || undefined;
}

/**
 * The addresses in the named fields, in lower case; a name that looks like an address is none. Linear scans, not a
 * parser: RFC 5322 §3.4 puts the address in angle brackets wherever there is a name before it.
 */
function addressesIn(fields: HeaderFields, names: readonly string[]): string[] {
  const text = names.flatMap((name) => fields.get(name) ?? []).join(',');
  // A quote that nothing closes takes the pattern to the end: where it began anew behind it, hostile text took it a second
  const unquoted = text
    .slice(0, 65536)
    .replace(/"(?:\\[\s\S]?|[^"\\])*("|$)/g, (whole, end) => (end === '"' ? ' ' : whole));
  return unquoted
    .split(/[,;]/)
    .flatMap((part) => {
      const open = part.lastIndexOf('<');
      const address = open === -1 ? part : (part.slice(open + 1).split('>')[0] ?? '');
      return address.split(/[\s()]+/).filter((word) => word.includes('@'));
    })
    .map((word) => word.toLowerCase());
}

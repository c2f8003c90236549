/** Mailbox names between what a person writes and what a server calls them. */

/** The personal namespace of a login (RFC 2342). */
export interface Namespace {
  /** Ends in the delimiter where it is not empty. */
  prefix: string;
  /** Undefined where the server has no hierarchy. */
  delimiter: string | undefined;
}

/**
 * The full name of a mailbox: `/` becomes the server's delimiter, `_` where it has none, and the prefix of the
 * namespace goes before what does not have it yet. INBOX stands outside of it (RFC 3501 §5.1).
 */
export function fullPath(path: string, { prefix, delimiter }: Namespace): string {
  if (path.toUpperCase() === 'INBOX') return 'INBOX';
  const joined = path
    .split('/')
    .filter((segment) => segment !== '')
    .join(delimiter ?? '_');
  const inbox = delimiter === undefined ? '' : `INBOX${delimiter}`;
  const named = inbox !== '' && joined.toUpperCase().startsWith(inbox) ? inbox + joined.slice(inbox.length) : joined;
  return named.startsWith(prefix) ? named : prefix + named;
}

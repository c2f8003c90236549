/** Mailbox names between what a person writes and what a server calls them. */

/** The personal namespace of a login (RFC 2342). */
export interface Namespace {
  /** Ends in the delimiter where it is not empty. */
  prefix: string;
  /** Undefined where the server has no hierarchy. */
  delimiter: string | undefined;
}

/**
 * What separates the levels of a name. `either`: `/`, and the server's own delimiter, as a person writes the full name of
 * a mailbox. `levels`: `/` alone, since what stands between may be anything, such as the name of a mailing list. A name
 * that begins with the prefix of the namespace is always the server's own.
 */
export type Notation = 'either' | 'levels';

/** The levels of a name below the prefix of the namespace; none where the name says nothing but separators. */
export function levelsOf(name: string, namespace: Namespace, notation: Notation): string[] {
  const { delimiter } = namespace;
  const splitAt = (text: string, separator: string) => text.split(separator).filter((level) => level !== '');
  const rest = withoutPrefix(name, namespace);
  const slashed = splitAt(rest ?? name, '/');
  const own = delimiter !== undefined && (notation === 'either' || rest !== undefined);
  const levels = own ? slashed.flatMap((level) => splitAt(level, delimiter)) : slashed;
  return rest === undefined ? insidePrefix(levels, namespace) : levels;
}

/** The full name of levels: the prefix, and the delimiter between them, `_` where the server has none. */
export function joinLevels(levels: readonly string[], { prefix, delimiter }: Namespace): string {
  const [first, ...more] = levels;
  // RFC 3501 §5.1: INBOX is the one name that is the same in any case, and stands outside of the namespace
  if (isInbox(first ?? '') && (more.length === 0 || (prefix === '' && delimiter !== undefined))) {
    return ['INBOX', ...more].join(delimiter ?? '_');
  }
  return prefix + levels.join(delimiter ?? '_');
}

/** Whether it is the name of INBOX, in any case. */
export function isInbox(name: string): boolean {
  return name.toUpperCase() === 'INBOX';
}

/** What follows the prefix, or INBOX and the delimiter; undefined where the name begins with neither. */
function withoutPrefix(name: string, { prefix, delimiter }: Namespace): string | undefined {
  if (prefix !== '' && name.startsWith(prefix)) return name.slice(prefix.length);
  const inbox = delimiter === undefined || delimiter === '/' ? '' : `INBOX${delimiter}`;
  if (inbox === '' || !name.toUpperCase().startsWith(inbox)) return undefined;
  return prefix.toUpperCase() === inbox ? name.slice(inbox.length) : `INBOX/${name.slice(inbox.length)}`;
}

/** Where the prefix is INBOX, a name that begins with INBOX has it already. */
function insidePrefix(levels: string[], { prefix, delimiter }: Namespace): string[] {
  const [first = '', ...more] = levels;
  return more.length > 0 && isInbox(first) && prefix.toUpperCase() === `INBOX${delimiter}` ? more : levels;
}

/** Mail addresses and domains as people write them. */
import { isIP } from 'node:net';
import { hostName } from '../host-name.ts';

/** An address, or a domain alone. */
export interface MailAddress {
  /** What was written. */
  readonly text: string;
  /** The part before the @, as written; undefined for a domain alone. */
  readonly local: string | undefined;
  /** Lower case, in ASCII. */
  readonly domain: string;
}

/** Reads `ann@example.com` or `example.com`; undefined for anything else. */
export function mailAddress(text: string): MailAddress | undefined {
  // RFC 5321 §4.1.2: a quoted local part may have an @ in it, a domain never.
  const at = text.lastIndexOf('@');
  const local = at === -1 ? undefined : text.slice(0, at);
  const domain = hostName(text.slice(at + 1).toLowerCase());
  const wrongLocal = local !== undefined && (local === '' || local.length > 255 || /[\s\p{C}]/u.test(local));
  if (domain === undefined || wrongLocal || isIP(domain) !== 0) return undefined;
  return { text, local, domain };
}

/**
 * The address in a user name: `ann@example.com`, also as `recent:ann@example.com` (Gmail) and `ann@example.com*master`
 * (Dovecot). Undefined where there is none.
 */
export function addressInUser(user: string): MailAddress | undefined {
  const bare = user.replace(/^recent:/i, '').replace(/(@[^*]*)\*.*$/, '$1');
  return bare.includes('@') ? mailAddress(bare) : undefined;
}

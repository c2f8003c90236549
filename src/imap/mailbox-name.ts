/** Mailbox names as they stand in a command. */

/**
 * A name in modified UTF-7 (RFC 3501 §5.1.3): printable ASCII stands for itself, `&` is `&-`, everything else is
 * UTF-16 in base64 with `,` instead of `/` and without padding, between `&` and `-`.
 */
export function encodeModifiedUtf7(name: string): string {
  return name.replace(/&|[^\x20-\x7e]+/g, (part) => {
    if (part === '&') return '&-';
    const utf16 = Buffer.from(part, 'utf16le').swap16();
    return `&${utf16.toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`;
  });
}

/** The reverse; a shift sequence that is none is left as it stands. */
export function decodeModifiedUtf7(encoded: string): string {
  return encoded.replace(/&([A-Za-z0-9+,]*)-/g, (whole, base64: string) => {
    if (base64 === '') return '&';
    const utf16 = Buffer.from(base64.replaceAll(',', '/'), 'base64');
    return utf16.length % 2 === 0 ? utf16.swap16().toString('utf16le') : whole;
  });
}

/**
 * The name as a quoted string (RFC 3501 §4.3), in bytes. `utf8` only where the session speaks nothing but IMAP4rev2
 * (RFC 9051 §5.1). Throws on CR, LF and NUL, which no quoted string can hold.
 */
export function quoteMailbox(name: string, utf8: boolean): Buffer {
  if (!isMailboxName(name)) throw new Error('a mailbox name must not be empty or contain CR, LF or NUL');
  // RFC 3501 §5.1: INBOX is the one name that is the same in any case
  const plain = name.toUpperCase() === 'INBOX' ? 'INBOX' : name;
  const encoded = utf8 ? plain : encodeModifiedUtf7(plain);
  return Buffer.from(`"${encoded.replace(/["\\]/g, '\\$&')}"`, 'utf8');
}

/** Whether a name can be sent at all. */
export function isMailboxName(name: string): boolean {
  return name !== '' && !/[\r\n\0]/.test(name);
}

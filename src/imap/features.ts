/** What a server's capabilities mean for appending. */

/** How messages may be handed over. */
export interface AppendFeatures {
  /** RFC 3502: several messages in one command. */
  multiAppend: boolean;
  /** RFC 7888: which literals need no continuation: all, those up to 4096 bytes, none. */
  literal: 'plus' | 'minus' | 'sync';
  /** RFC 4315: answers name the new UIDs. */
  uidPlus: boolean;
  /** RFC 3516: messages with NUL go as literal8. */
  binary: boolean;
  /** RFC 7889, in bytes; undefined where it is unknown or differs between mailboxes. */
  appendLimit: number | undefined;
}

/** Reads the features from upper-case capabilities. */
export function appendFeatures(capabilities: ReadonlySet<string>): AppendFeatures {
  const rev2 = isRev2Only(capabilities);
  const minus = capabilities.has('LITERAL-') || rev2;
  return {
    multiAppend: capabilities.has('MULTIAPPEND'),
    literal: capabilities.has('LITERAL+') ? 'plus' : minus ? 'minus' : 'sync',
    uidPlus: capabilities.has('UIDPLUS') || rev2,
    binary: capabilities.has('BINARY'),
    appendLimit: appendLimitOf(capabilities),
  };
}

/** Whether the server speaks IMAP4rev2 without IMAP4rev1, so that its folded extensions and UTF-8 names are in force. */
export function isRev2Only(capabilities: ReadonlySet<string>): boolean {
  return capabilities.has('IMAP4REV2') && !capabilities.has('IMAP4REV1');
}

/** Whether each mailbox has a limit of its own, which STATUS tells (RFC 7889 §2, §3.1). */
export function hasMailboxLimits(capabilities: ReadonlySet<string>): boolean {
  return capabilities.has('APPENDLIMIT');
}

/** The largest message that the server takes, in bytes (RFC 7889); undefined where it is unknown. */
export function appendLimitOf(capabilities: ReadonlySet<string>): number | undefined {
  for (const capability of capabilities) {
    const match = /^APPENDLIMIT=(\d{1,15})$/.exec(capability);
    // 0 has been seen where the server knew no limit (imap-quirks §2.1)
    if (match !== null && Number(match[1]) > 0) return Number(match[1]);
  }
  return undefined;
}

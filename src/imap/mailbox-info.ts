/** A mailbox as LIST gives it. */
/** What is known of a mailbox without opening it. */
export interface MailboxInfo {
  /** Its full name. */
  path: string;
  /** Empty where the server has no hierarchy. */
  delimiter: string;
  /** Its attribute of RFC 6154, such as `\Sent`; never guessed from its name. */
  specialUse?: string | undefined;
  /** Whether it can hold messages. */
  selectable: boolean;
}

// RFC 6154 §2
const specialUses = ['\\All', '\\Archive', '\\Drafts', '\\Flagged', '\\Junk', '\\Sent', '\\Trash'];

/** One line of a listing. */
export function mailboxInfo({
  path,
  delimiter,
  flags,
}: {
  path: string;
  delimiter?: string | undefined;
  flags: ReadonlySet<string>;
}): MailboxInfo {
  return {
    path,
    delimiter: delimiter ?? '',
    specialUse: specialUses.find((use) => [...flags].some((flag) => flag.toLowerCase() === use.toLowerCase())),
    selectable: !flags.has('\\Noselect') && !flags.has('\\NonExistent'),
  };
}

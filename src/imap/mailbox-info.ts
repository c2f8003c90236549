/** A mailbox as LIST gives it. */
/** The counters of a mailbox. */
export interface MailboxStatus {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly messages: number;
}

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
  /** Where they were asked for, and the server tells them with a listing (RFC 5819). */
  status?: MailboxStatus | undefined;
}

// RFC 6154 §2; the others are what XLIST called them before that, at Gmail and those that took after it
const specialUses: readonly (readonly [string, string])[] = [
  ['\\All', '\\All'],
  ['\\AllMail', '\\All'],
  ['\\Flagged', '\\Flagged'],
  ['\\Starred', '\\Flagged'],
  ['\\Archive', '\\Archive'],
  ['\\Drafts', '\\Drafts'],
  ['\\Junk', '\\Junk'],
  ['\\Spam', '\\Junk'],
  ['\\Sent', '\\Sent'],
  ['\\Trash', '\\Trash'],
];

/** What imapflow says of one mailbox. */
interface Listed {
  path: string;
  delimiter?: string | undefined;
  flags: ReadonlySet<string>;
  /** `\Inbox` for the mailbox that XLIST marks so, whatever it calls it. */
  specialUse?: string | undefined;
  status?: Counters | undefined;
}

/** What imapflow makes of a STATUS answer. */
export interface Counters {
  readonly uidValidity?: bigint | undefined;
  readonly uidNext?: number | undefined;
  readonly messages?: number | undefined;
}

/** The counters of an answer; undefined where one is missing. */
export function statusOf({ uidValidity, uidNext, messages }: Counters): MailboxStatus | undefined {
  if (uidValidity === undefined || uidNext === undefined || messages === undefined) return undefined;
  return { uidValidity: Number(uidValidity), uidNext, messages };
}

/** One line of a listing. */
export function mailboxInfo({ path, delimiter, flags, specialUse, status }: Listed): MailboxInfo {
  // RFC 3501 §9: attributes are the same in any case
  const has = new Set([...flags].map((flag) => flag.toLowerCase()));
  return {
    path: specialUse === '\\Inbox' ? 'INBOX' : path,
    delimiter: delimiter ?? '',
    specialUse: specialUses.find(([attribute]) => has.has(attribute.toLowerCase()))?.[1],
    selectable: !has.has('\\noselect') && !has.has('\\nonexistent'),
    status: status && statusOf(status),
  };
}

/** Whether a mailbox only shows messages of other mailboxes once more. */
export function isVirtual({ specialUse }: MailboxInfo): boolean {
  return specialUse === '\\All' || specialUse === '\\Flagged';
}

/** What a refused APPEND means, and what is done about it: the table of docs/refusals.md. Pure. */
import type { ErrorCode } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';

/** A tagged NO or BAD. */
export interface Refusal {
  reply: 'NO' | 'BAD';
  /** Upper case, such as `TOOBIG`. */
  responseCode: string | undefined;
  text: string;
}

/** What to do about a refused APPEND. */
export interface RefusalVerdict {
  /**
   * `message`: this message, or one of those sent together, is not wanted and never will be. `again`: the same, but it
   * may be taken on a fresh connection later. `flags`: it may be taken without its flags. `create`: the mailbox is
   * missing. `account-full`: no space. `wait`: the server cannot now. `account`: a person must act.
   */
  action: 'message' | 'again' | 'flags' | 'create' | 'account-full' | 'wait' | 'account';
  code: ErrorCode;
  /** The repair that the refusal names. */
  repair?: Settings['repairs'][number];
  /** Set where the server may have stored the message all the same: it is looked for before anything else is done. */
  unknown?: true;
  /** How long the server asked to be left alone. */
  waitMs?: number;
  /** Set where the server speaks of more than this one mailbox. */
  throttled?: true;
}

/** Words by which servers speak of a rate, whatever their code says. */
export const rateText = /bandwidth|command limit|exceeded command|rate limit|throttl|too many (?:requests|commands)/i;

/** Words of Cyrus and others that name what is wrong with a message (imap-quirks §2.1), and the repair for it. */
const faults: readonly (readonly [RegExp, RefusalVerdict['repair']])[] = [
  [/\bNULs?\b(?! argument)/, 'nul'],
  [
    /\bbare (?:newlines?|lf|cr|linefeeds?|line feeds?|carriage returns?)\b|\b(?:bad|invalid) line (?:ends?|endings?)\b/i,
    'line-ends',
  ],
  [/(?:non-ascii|8-?bit|non-?7-?bit)\b.*\bheader|\bheaders?\b.*(?:non-ascii|8-?bit)/i, 'header-8bit'],
  [/no header\/body separator|missing (?:header\/body )?separator|no (?:empty|blank) line/i, 'separator'],
  [/invalid header|malformed header|mbox|\bFrom[ _]line\b/i, 'mbox-from'],
  // Yahoo, of a message without a final CRLF
  [/additional arguments found/i, 'final-crlf'],
];

/** What a server has to say stands in its first words; a line of megabytes would take the patterns minutes. */
export const textMaxChars = 1000;

/** The milliseconds of a server's hint, such as Exchange's `Suggested Backoff Time: 299961 milliseconds`. */
export function backoffMs(text: string): number | undefined {
  const match = /backoff time[:=\s]+(\d{1,10})/i.exec(text);
  return match === null ? undefined : Number(match[1]);
}

/** The table of responses to APPEND (imap-quirks §2.1, RFC 5530). Never throws. */
export function classifyRefusal({ reply, responseCode, text: whole }: Refusal): RefusalVerdict {
  const text = whole.slice(0, textMaxChars);
  const waitMs = backoffMs(text);
  if (waitMs !== undefined) return { action: 'wait', code: 'server-unavailable', waitMs, throttled: true };
  // Dovecot's quota_mail_size says LIMIT, which stands for other limits too (RFC 5530 §3)
  if (responseCode === 'LIMIT' && /mail size|message size|too (?:large|big)/i.test(text)) {
    return { action: 'message', code: 'message-too-big' };
  }
  switch (responseCode) {
    case 'TRYCREATE':
    case 'NONEXISTENT':
      return { action: 'create', code: 'mailbox-refused' };
    case 'TOOBIG':
      return { action: 'message', code: 'message-too-big' };
    case 'OVERQUOTA':
      // Gmail says OVERQUOTA when it means a rate
      return rateText.test(text)
        ? { action: 'wait', code: 'server-unavailable', throttled: true }
        : { action: 'account-full', code: 'mailbox-full' };
    case 'LIMIT':
      // RFC 5530 §3: most often too many flags
      return rateText.test(text)
        ? { action: 'wait', code: 'server-unavailable', throttled: true }
        : { action: 'flags', code: 'append-refused' };
    case 'CANNOT':
    case 'UNKNOWN-CTE':
      // Yahoo: "APPEND Contains Deleted flag"
      return { action: flagText.test(text) ? 'flags' : 'message', code: 'append-refused' };
    case 'THROTTLED':
      return { action: 'wait', code: 'server-unavailable', throttled: true };
    case 'SERVERBUG':
      return { action: 'again', code: 'server-unavailable', unknown: true };
    case 'UNAVAILABLE':
    case 'TEMPFAIL':
      return { action: 'wait', code: 'server-unavailable' };
    case 'INUSE':
      return { action: 'wait', code: 'account-busy' };
    case 'AUTHENTICATIONFAILED':
    case 'AUTHORIZATIONFAILED':
    case 'EXPIRED':
    case 'PRIVACYREQUIRED':
    case 'CONTACTADMIN':
    case 'NOPERM':
    case 'CORRUPTION':
      return { action: 'account', code: 'mailbox-refused' };
  }
  return classifyText(reply, text);
}

const flagText = /\bflags?\b|\bkeywords?\b/i;

function classifyText(reply: 'NO' | 'BAD', text: string): RefusalVerdict {
  if (/request is throttled/i.test(text)) return { action: 'wait', code: 'server-unavailable', throttled: true };
  // Exchange: the mailbox behind a good login is out of reach
  if (/authenticated but not connected/i.test(text)) return { action: 'wait', code: 'server-unavailable' };
  // Exchange: any exception at all, before the message was stored or after it
  if (/^server unavailable/i.test(text)) return { action: 'again', code: 'server-unavailable', unknown: true };
  // GroupWise names its storage limit in the text alone
  if (
    reply === 'NO' &&
    /quota exceeded|over quota|storage limit|mailbox (?:is )?full|not enough (?:disk )?space/i.test(text)
  ) {
    return { action: 'account-full', code: 'mailbox-full' };
  }
  const fault = faults.find(([words]) => words.test(text))?.[1];
  if (fault === 'final-crlf') return { action: 'again', code: 'append-refused', repair: fault };
  if (fault) return { action: 'message', code: 'append-refused', repair: fault };
  if (flagText.test(text)) return { action: 'flags', code: 'append-refused' };
  if (/\bvirus|malware|header limit reached/i.test(text)) return { action: 'message', code: 'append-refused' };
  return { action: 'again', code: 'append-refused' };
}

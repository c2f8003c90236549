/**
 * Sentences by which a server says why a login cannot work, other than by its password. Providers use the same ones
 * over POP3 and IMAP. What a sentence does not tell is not guessed: it stays a refused credential.
 */
import type { ErrorCode } from './errors.ts';

/** What a sentence can tell. */
export type ToldRefusal = Extract<
  ErrorCode,
  | 'app-password-needed'
  | 'oauth-needed'
  | 'password-expired'
  | 'user-form-wrong'
  | 'web-login-needed'
  | 'pop-disabled'
  | 'imap-disabled'
  | 'account-disabled'
>;

/** A matter of the moment is no lasting reason, whatever else the sentence says. */
const passing = /\btemporar|try (?:again )?later|too many|rate limit|throttl/i;

/** Yandex: "login failure or POP3 disabled" tells neither. */
const either = /\bor (?:pop3?|imap4?)\b/i;

const off =
  '(?:is |was |has been |are )?(?:currently )?(?:disabled|deactivated|blocked|forbidden|(?:switched|turned) off|not (?:enabled|activated|available|allowed|permitted))';

/** Gmail, Yahoo, Zoho, mail.ru, hosting panels: access by a protocol is off. */
const accessOff = (protocol: string) =>
  new RegExp(
    [
      `not (?:yet )?(?:been )?(?:enabled|allowed|activated|permitted) for ${protocol}`,
      `(?:yet to|must|need to|have to|please) (?:first )?(?:enable|activate|switch on) ${protocol}`,
      `not ${protocol}[- ]enabled`,
      `${protocol}(?: |/|access|service|protocol|login|pop3?|imap4?)* ${off}`,
    ]
      .map((one) => `(?:${one})`)
      .join('|'),
    'i',
  );

const accessOffBy = { pop: accessOff('\\bpop3?'), imap: accessOff('\\bimap4?') } as const;

const sentences: readonly (readonly [RegExp, ToldRefusal])[] = [
  [
    // Gmail; Yahoo, Fastmail and others; mail.ru in Russian with Latin letters
    /application-specific password|app(?:lication)?[- ]?password (?:is )?(?:required|needed)|(?:use|generate|create|need)s?\b[^.:]{0,40}\bapp(?:lication)?[- ]?password|parol prilozheniya|InvalidSecondFactor/i,
    'app-password-needed',
  ],
  [
    /basic ?auth(?:entication)? ?(?:is |has been )?(?:disabled|blocked|turned off)|(?:oauth ?2?|modern authentication) (?:is )?required/i,
    'oauth-needed',
  ],
  [
    // Gmail; Exchange and schools' Live@edu: the owner has never signed in
    /web login required|(?:log|sign)(?:ged)?[- ]?in (?:once |first )*(?:via|with|through|on|at|to|using) (?:your |a |the )?(?:web|browser|portal)/i,
    'web-login-needed',
  ],
  [
    /password (?:has |is )?expired|expired password|password must be changed|must change (?:your |the )?password/i,
    'password-expired',
  ],
  [
    /(?:full|complete|whole|entire) e-?mail address|without (?:the )?(?:domain|@)|user ?name must (?:not )?(?:be|contain|include)/i,
    'user-form-wrong',
  ],
  [
    /(?:account|user|mailbox)[ _-]?(?:is |was |has been )?(?:currently |permanently )?(?:disabled|suspended|deactivated|closed|terminated|expired|inactive|not active)/i,
    'account-disabled',
  ],
];

/** The reason that a refusal over this protocol tells; undefined where it tells none. */
export function toldRefusal(text: string, protocol: 'pop' | 'imap'): ToldRefusal | undefined {
  if (passing.test(text)) return undefined;
  if (accessOffBy[protocol].test(text) && !either.test(text))
    return protocol === 'pop' ? 'pop-disabled' : 'imap-disabled';
  return sentences.find(([sentence]) => sentence.test(text))?.[1];
}

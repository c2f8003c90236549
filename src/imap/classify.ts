/** What the answers of an IMAP server, and the failures of a connection to one, mean in the table of errors. */
import { type ErrorCode, MailhaulError, printable } from '../ground/errors.ts';
import { toldRefusal } from '../ground/told-refusal.ts';
import { backoffMs, classifyRefusal, type Refusal, rateText, textMaxChars } from './classify-append.ts';

/** Which server and login an error speaks of. */
export interface Peer {
  host: string;
  port: number;
  user: string;
}

const concealed = new WeakMap<Peer, readonly string[]>();

/** From now on no error that is made for this very peer repeats these secrets, whatever the server says. */
export function conceal(peer: Peer, secrets: readonly string[]): void {
  concealed.set(peer, secrets);
}

/** Text of a server without what is concealed for its peer, as much of it as is looked at. */
export function withoutSecrets(peer: Peer, text: string): string {
  return strike(text, concealed.get(peer) ?? []);
}

const crowdedText =
  /too many|maximum (?:number of )?(?:concurrent |simultaneous )?(?:connections|sessions)|simultaneous|connection limit/i;
const busyText =
  /too many|in use|\block(?:ed)? by|already (?:open|locked|logged)|maximum (?:number of )?(?:concurrent |simultaneous )?(?:connections|sessions)|simultaneous|connection limit|rate limit/i;
const unavailableText =
  /temporar|try again|unavailable|throttl|backoff|back off|bandwidth|internal (?:server )?error|server error|server bug|overload|maintenance|timed? ?out|not connected|shutting down/i;

/** Whether a refused SELECT says that there is no such mailbox. */
export function saysMissing({ reply, responseCode, text }: Refusal): boolean {
  if (responseCode === 'TRYCREATE' || responseCode === 'NONEXISTENT') return true;
  if (reply !== 'NO' || responseCode !== undefined) return false;
  return /does(?:n't| not) exist|not found|no such|unknown (?:mailbox|folder)|non-?existent/i.test(text);
}

/** A mailbox command other than APPEND that was refused. */
export function mailboxError(peer: Peer, mailbox: string, refusal: Refusal): MailhaulError {
  const verdict = classifyRefusal(refusal);
  const reply = replyText({ ...refusal, text: withoutSecrets(peer, refusal.text) });
  if (verdict.action !== 'wait' && verdict.unknown !== true)
    return new MailhaulError('mailbox-refused', { ...peer, mailbox, reply });
  return new MailhaulError(verdict.code, { ...peer, reply, ...hintDetails(verdict) });
}

/** How a login was tried. */
export interface LoginAttempt {
  /** Struck out of the server's text. */
  secrets: readonly string[];
  mechanism: string;
  /** The logins that the server lists. */
  offered: string;
}

/** A refused login; it says which mechanism was used. */
export function loginError(peer: Peer, refusal: Refusal, { secrets, mechanism, offered }: LoginAttempt): MailhaulError {
  const text = strike(refusal.text, secrets);
  const reply = `${replyText({ ...refusal, text })} (login by ${mechanism})`;
  const hint = hintIn(text, refusal.responseCode);
  const wanted = { wanted: mechanism, offered: `${offered || 'unknown'}; it answers ${reply}` };
  return new MailhaulError(loginCode({ ...refusal, text }), { ...peer, reply, mechanism, ...wanted, ...hint });
}

function loginCode({ reply, responseCode, text }: Refusal): ErrorCode {
  if (backoffMs(text) !== undefined) return 'server-unavailable';
  switch (responseCode) {
    case 'INUSE':
    case 'LIMIT':
      return 'account-busy';
    case 'UNAVAILABLE':
    case 'SERVERBUG':
    case 'THROTTLED':
    case 'TEMPFAIL':
    case 'CORRUPTION':
      return 'server-unavailable';
    case 'WEBALERT':
      // Google's own: the address of the page stands behind it
      return 'web-login-needed';
  }
  const told = toldRefusal(text, 'imap');
  if (told !== undefined) return told;
  switch (responseCode) {
    case 'AUTHENTICATIONFAILED':
    case 'AUTHORIZATIONFAILED':
    case 'EXPIRED':
    case 'CONTACTADMIN':
    case 'NOPERM':
      return 'credentials-refused';
    case 'PRIVACYREQUIRED':
      return 'login-mechanism';
  }
  if (busyText.test(text)) return 'account-busy';
  if (unavailableText.test(text)) return 'server-unavailable';
  if (/mechanism|unsupported|not supported|unknown command|unrecognized/i.test(text)) return 'login-mechanism';
  // A BAD without a reason is how Exchange refuses a credential it cannot use (imap-quirks §2.1, error 12)
  return reply === 'NO' || /argument/i.test(text) ? 'credentials-refused' : 'login-mechanism';
}

/** The server said BYE, or closed after one. */
export function byeError(peer: Peer, said: string, during: string): MailhaulError {
  const text = withoutSecrets(peer, said);
  const details = { ...peer, reply: printable(text), ...hintIn(text, undefined) };
  if (busyText.test(text)) return new MailhaulError('account-busy', details);
  if (backoffMs(text) !== undefined || unavailableText.test(text)) {
    return new MailhaulError('server-unavailable', details);
  }
  return new MailhaulError('connection-lost', { ...peer, during, reply: details.reply });
}

/** A failure of the socket once the connection was up. */
export function socketError(peer: Peer, during: string, thrown?: unknown): MailhaulError {
  const reason = thrown instanceof Error ? printable(thrown.message) : '';
  return new MailhaulError('connection-lost', { ...peer, during, ...(reason === '' ? {} : { reason }) }, thrown);
}

function replyText({ reply, responseCode, text }: Refusal): string {
  return printable(
    [reply, responseCode === undefined ? '' : `[${responseCode}]`, text].filter((part) => part !== '').join(' '),
  );
}

/** What an answer asks for besides its meaning, as details of an error: `src/limits/hints.ts` reads them. */
function hintIn(text: string, responseCode: string | undefined): Record<string, string | number> {
  if (responseCode === 'INUSE') return { hint: 'in-use' };
  const waitMs = backoffMs(text);
  const codes = ['THROTTLED', 'LIMIT'];
  const throttled = codes.includes(responseCode ?? '') || crowdedText.test(text) || rateText.test(text);
  return hintDetails({
    ...(waitMs === undefined ? {} : { waitMs, throttled: true }),
    ...(throttled ? { throttled } : {}),
  });
}

/** The hint of a verdict, as details of an error. */
export function hintDetails({
  waitMs,
  throttled,
}: {
  waitMs?: number;
  throttled?: true;
}): Record<string, string | number> {
  return { ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }), ...(throttled ? { hint: 'throttled' } : {}) };
}

/** Some servers repeat the command they refuse. Cut behind the strokes: none shall leave half a secret. */
function strike(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length > 3)
    .reduce((left, secret) => left.replaceAll(secret, '…'), text)
    .slice(0, textMaxChars);
}

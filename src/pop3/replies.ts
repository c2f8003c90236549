/** What a refusal means. The only place that reads the wording of a POP3 server. */
import type { ErrorCode } from '../ground/errors.ts';
import { type ToldRefusal, toldRefusal } from '../ground/told-refusal.ts';

/** What a server can mean when it refuses to serve a user. */
export type Refusal = Extract<ErrorCode, 'credentials-refused' | 'account-busy' | 'server-unavailable'> | ToldRefusal;

const busyWords = /lock|busy|\bwait\b|\bin[ -]use\b/i;
const crowdedWords =
  /too many|throttl|rate limit|bandwidth|simultaneous|connection limit|maximum (?:number of )?connections/i;
const troubleWords = /\btemporar|\bunavailable\b/i;

/**
 * The extended response code of a refusal, upper case and without its brackets, or '' (RFC 2449 §8).
 * `-ERR [LOGIN-DELAY] wait` gives `LOGIN-DELAY`.
 */
export function responseCode(reply: string): string {
  return /^[-+]ERR[ \t]+\[([^\]\s]+)[^\]]*\]/i.exec(reply)?.[1]?.toUpperCase() ?? '';
}

/**
 * Why a login was refused.
 * @param reply the line that begins with -ERR
 * @param marksCredentials whether CAPA lists AUTH-RESP-CODE: every refused credential then bears a code (RFC 3206 §6)
 */
export function classifyLogin(reply: string, marksCredentials: boolean): Refusal {
  const code = responseCode(reply);
  const told = toldBy(reply, code);
  if (told !== undefined) return told;
  // RFC 3206 §5: AUTH is a refused credential, whatever the text beside it says.
  if (code === 'AUTH') return 'credentials-refused';
  const trouble = classifyTrouble(reply, code);
  if (trouble !== undefined) return trouble;
  return marksCredentials ? 'server-unavailable' : 'credentials-refused';
}

// What servers say of a mechanism or command that they do not have; of users and passwords they say other things.
const thing = '(?:mechanism|method|command|sasl|auth(?:entication)? type)';
const unsupportedWords = new RegExp(
  [
    `(?:unknown|unrecogni[sz]ed|unsupported|unimplemented|invalid|bad|no such) (?:[\\w-]+ ){0,2}${thing}\\b`,
    `\\b${thing}(?: [\\w-]+)?(?: is| are)? (?:not |un|disabled|disallowed)`,
    '\\bnot (?:supported|implemented)\\b',
    // Dovecot says so with the code AUTH, though nobody looked at a password.
    'plaintext auth(?:entication)? (?:is )?(?:disallowed|disabled|not allowed)',
  ].join('|'),
  'i',
);

/** Whether the refusal of a login is about the mechanism, and not about who wants to log in. */
export function saysUnsupported(reply: string): boolean {
  const code = responseCode(reply);
  // What passes is no property of the mechanism.
  if (classifyTrouble(reply, code) !== undefined) return false;
  // RFC 2449 §8: a code says what the refusal is about, and none is about mechanisms.
  return unsupportedWords.test(reply) && (code === '' || /plaintext/i.test(reply));
}

/** Why anything but a login was refused: the greeting, or a listing. */
export function classifyRefusal(reply: string): Refusal {
  const code = responseCode(reply);
  // Gmail takes the login of a mailbox without POP access, and refuses the first command behind it.
  return toldBy(reply, code) ?? classifyTrouble(reply, code) ?? 'server-unavailable';
}

/** What the text tells, unless the code before it says that it is a matter of the moment. */
function toldBy(reply: string, code: string): ToldRefusal | undefined {
  return code === 'IN-USE' || code === 'LOGIN-DELAY' || code === 'SYS/TEMP' ? undefined : toldRefusal(reply, 'pop');
}

/**
 * What a refusal asks for besides its meaning, as details of an error (`src/limits/hints.ts` reads them).
 * @param loginDelaySeconds what CAPA says of LOGIN-DELAY, where the refusal names no time itself; 0 for nothing
 */
export function hintDetails(reply: string, loginDelaySeconds = 0): { hint?: string; retryAfterMs?: number } {
  const code = responseCode(reply);
  const backoff = /backoff time[:=\s]+(\d{1,10})/i.exec(reply)?.[1];
  if (backoff !== undefined) return { hint: 'throttled', retryAfterMs: Number(backoff) };
  if (code === 'LOGIN-DELAY') {
    // RFC 2449 §8.1.1 gives it no argument; some servers put the seconds there.
    const seconds = Number(/^[-+]ERR[ \t]+\[LOGIN-DELAY[ \t]+(\d{1,7})/i.exec(reply)?.[1] ?? loginDelaySeconds);
    return seconds > 0 ? { hint: 'login-delay', retryAfterMs: seconds * 1000 } : { hint: 'login-delay' };
  }
  if (crowdedWords.test(reply)) return { hint: 'throttled' };
  return code === 'IN-USE' ? { hint: 'in-use' } : {};
}

function classifyTrouble(reply: string, code: string): Refusal | undefined {
  // RFC 2449 §8.1: the maildrop is locked, or it is too early for another login.
  if (code === 'IN-USE' || code === 'LOGIN-DELAY') return 'account-busy';
  // RFC 3206 §4: SYS/TEMP passes, SYS/PERM needs the server's administrator; neither is about the password.
  if (code === 'SYS' || code.startsWith('SYS/')) return 'server-unavailable';
  if (busyWords.test(reply) || crowdedWords.test(reply)) return 'account-busy';
  return troubleWords.test(reply) ? 'server-unavailable' : undefined;
}

/** One cause for all accounts that have it, so that 200 of them read as one paragraph. Pure. */
import { type ErrorDetails, MailhaulError } from '../ground/errors.ts';

/** A problem of one account, as it is told. */
export interface ToldFinding {
  readonly id: string;
  readonly error: MailhaulError;
  readonly count: number;
  readonly remedy: string;
}

/** The same problem of one or several accounts. */
export interface CommonCause {
  readonly ids: readonly string[];
  /** The error; of several accounts it names none of them. */
  readonly error: MailhaulError;
  /** Messages or times, of all accounts together. */
  readonly count: number;
  readonly remedy: string;
}

const severity = ['run', 'host', 'account', 'message', 'none'];

/** Details that differ from account to account, and make no other cause of it. */
const own: readonly string[] = ['user', 'count', 'largest', 'incoming', 'free'];

/** Groups by code, remedy, and what the text says apart from the account; those that stop most and many come first. */
export function commonCauses(findings: readonly ToldFinding[]): CommonCause[] {
  const groups = new Map<string, ToldFinding[]>();
  for (const finding of findings) {
    const key = causeKey(finding);
    const group = groups.get(key);
    if (group) group.push(finding);
    else groups.set(key, [finding]);
  }
  const causes = [...groups.values()].map(causeOf);
  const rank = ({ error }: CommonCause) => severity.indexOf(error.stops);
  return causes.sort((a, b) => rank(a) - rank(b) || b.ids.length - a.ids.length);
}

/** Code, remedy, and the text without what is the account's own. */
function causeKey({ error: { code, details }, remedy }: ToldFinding): string {
  const neutral: ErrorDetails = { ...details };
  for (const name of own) if (name in neutral) neutral[name] = '';
  const text = new MailhaulError(code, { ...neutral, reply: namelessReply(details) }).message;
  return JSON.stringify([code, remedy, text]);
}

/** What the server says, without the name of the user, numbers and ids of the session. */
function namelessReply(details: ErrorDetails): string {
  const user = String(details['user'] ?? '');
  const reply = String(details['reply'] ?? '');
  const nameless = user === '' ? reply : reply.replaceAll(user, '…');
  return nameless.replace(/[\w-]*\d[\w-]*/g, '#');
}

function causeOf(group: readonly ToldFinding[]): CommonCause {
  const first = group[0]!;
  const ids = [...new Set(group.map(({ id }) => id))];
  const count = group.reduce((sum, one) => sum + one.count, 0);
  const error = ids.length === 1 ? first.error : new MailhaulError(first.error.code, sharedDetails(group, count));
  return { ids, error, count, remedy: first.remedy };
}

function sharedDetails(group: readonly ToldFinding[], count: number): ErrorDetails {
  const details: ErrorDetails = { ...group[0]!.error.details };
  for (const [name, value] of Object.entries(details)) {
    const differs = group.some(({ error }) => error.details[name] !== value);
    if (name === 'count') details[name] = count;
    else if (differs) details[name] = name === 'user' ? 'each of these users' : `${value} (others differ)`;
  }
  return details;
}

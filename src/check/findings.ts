/** What is wrong, or worth a remark, with what both sides showed. Pure. */
import { MailhaulError } from '../ground/errors.ts';
import { freeBytes } from '../imap/mailbox-quota.ts';
import { amount } from '../limits/budgets.ts';
import { loginDelaySeconds } from '../pop3/capabilities.ts';
import type { DestinationLook, SourceLook } from './look.ts';
import { daysLeft, type TlsFacts } from './tls.ts';

/** Where a side is reached. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  readonly user: string;
}

/** One thing that was found, and how many messages or times it stands for. */
export interface Finding {
  readonly error: MailhaulError;
  readonly count: number;
  readonly side: 'source' | 'destination';
}

/** Remarks on the connection of a side that was logged in to. */
export function connectionFindings(
  { host, port, security, user }: Place,
  tls: TlsFacts | undefined,
  offersTls: boolean,
  { now, warnDays }: { readonly now: number; readonly warnDays: number },
): MailhaulError[] {
  const peer = { host, port, user };
  if (security === 'none') return offersTls ? [new MailhaulError('tls-unused', peer)] : [];
  const days = tls && daysLeft(tls, now);
  if (!tls || days === undefined || days > warnDays) return [];
  return [new MailhaulError('tls-ends-soon', { ...peer, days, date: new Date(tls.endsAt).toISOString().slice(0, 10) })];
}

/** Numbers of messages at which servers stop to list (WildDuck: 250); few mailboxes have one of them by chance. */
const ceilings: ReadonlySet<number> = new Set([250, 500, 1000, 2000, 2500, 5000, 10_000, 20_000, 50_000, 100_000]);

/**
 * What the source lists and what its server announces.
 * @param inParts whether it is known to list its mail in parts, so that further sessions list the rest
 */
export function sourceFindings(
  { host, user }: Place,
  { capabilities, hasUidl, incoming }: SourceLook,
  inParts = false,
): Finding[] {
  const found: Finding[] = [];
  const add = (error: MailhaulError, count = 1) => found.push({ error, count, side: 'source' });
  const { listed, anonymous, renewed } = incoming;
  if (!hasUidl && listed > 0) add(new MailhaulError('uidl-missing', { host, user }));
  else if (anonymous > 0) add(new MailhaulError('uidl-shared', { host, user, count: anonymous }), anonymous);
  if (renewed && anonymous < listed) add(new MailhaulError('uidl-renewed', { host, user }));
  if (!inParts && ceilings.has(listed)) add(new MailhaulError('source-ceiling', { host, user, count: listed }));
  // RFC 2449 §6.7: the days that mail is kept, or NEVER; USER beside them when users differ.
  const policy = capabilities.get('EXPIRE')?.toUpperCase() ?? 'NEVER';
  if (/^0\b/.test(policy)) add(new MailhaulError('source-expires', { host, user }), Math.max(1, listed));
  else if (/^\d/.test(policy)) add(new MailhaulError('source-expires-later', { host, user, policy }));
  const delay = loginDelaySeconds(capabilities);
  if (delay > 0) add(new MailhaulError('source-login-delay', { host, user, seconds: delay }));
  return found;
}

/** What is to come, held against what the destination takes. */
export function fitFindings(
  { host, user }: Place,
  { incoming }: SourceLook,
  { appendLimit, quota, freeMessages }: DestinationLook,
): Finding[] {
  const found: Finding[] = [];
  const add = (error: MailhaulError, count: number) => found.push({ error, count, side: 'destination' });
  const count = appendLimit === undefined ? 0 : incoming.largerThan(appendLimit);
  if (count > 0) {
    const details = { host, user, count, limit: amount(appendLimit!), largest: amount(incoming.largest) };
    add(new MailhaulError('messages-too-big', details), count);
  }
  const free = freeBytes(quota);
  const fitting = incoming.bytesWithin(appendLimit);
  if (free !== undefined && fitting > free) {
    const details = { host, user, incoming: amount(fitting), free: amount(free) };
    add(new MailhaulError('quota-too-small', details), 1);
  } else if (freeMessages !== undefined && incoming.messages - count > freeMessages) {
    const text = (messages: number) => `${messages} message(s)`;
    const details = { host, user, incoming: text(incoming.messages - count), free: text(freeMessages) };
    add(new MailhaulError('quota-too-small', details), 1);
  }
  return found;
}

/** The messages that did not arrive, each with its reason; and those of them that somebody has accepted. */
import { type ErrorCode, errorRow, errorRows } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import { readAcceptances } from '../ledger/refusals.ts';
import { readRegistry } from '../ledger/registry.ts';
import type { ReportedAccount } from './report.ts';

/** What is told of a message; texts are empty, and numbers 0, where nothing is known. */
export interface ToldMessage {
  /** Of the account. */
  readonly account: string;
  readonly group: string;
  /** The source's unique id. */
  readonly uidl: string;
  /** When it arrived, as the destination would have been told, else what stands in its Date field. */
  readonly date: string;
  readonly messageId: string;
  readonly subject: string;
  /** Bytes at the source. */
  readonly size: number;
  /** SHA-256 of the bytes at the source, hexadecimal. */
  readonly sha256: string;
  readonly code: string;
  /** The error in words. */
  readonly text: string;
  /** What the server said. */
  readonly reply: string;
  /** How often it was tried in all runs. */
  readonly tries: number;
}

/** A message that did not arrive and that nobody has accepted. */
export interface UndeliveredMessage extends ToldMessage {
  /** `refused` by the destination, `unreadable` at the source, or `hidden` by it after its spool was lost. */
  readonly fate: 'refused' | 'unreadable' | 'hidden';
  readonly remedy: string;
  /** ISO 8601; empty where it is not known. */
  readonly at: string;
}

/** A message that did not arrive, and that may stay behind. */
export interface AcceptedMessage extends ToldMessage {
  readonly by: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly at: string;
}

const codes = new Set<string>(errorRows.map(({ code }) => code));

/** Those of one account that nobody has accepted, the earliest first. */
export async function readUndelivered(redis: RedisClient, account: ReportedAccount): Promise<UndeliveredMessage[]> {
  const { id, group } = account;
  return (await readRegistry(redis, account.key)).map((message) => {
    const { uidl, arrived, date, messageId, subject, size, sha256, code, text, reply, tries, fate } = message;
    const told = { account: id, group, uidl, date: arrived || date, messageId, subject, size, sha256 };
    return { ...told, code, text, reply, tries, fate, remedy: remedyOf(code), at: iso(message.at) };
  });
}

/** Those of one account that somebody, or a rule, has accepted: the earliest first. */
export async function readAccepted(redis: RedisClient, account: ReportedAccount): Promise<AcceptedMessage[]> {
  const { id, group } = account;
  const accepted = await readAcceptances(redis, account.key);
  accepted.sort((a, b) => a.acceptance.at - b.acceptance.at);
  return accepted.map(({ acceptance: { by, reason, at }, refusal }) => {
    const { uidl = '', arrived = '', date = '', messageId = '', subject = '', size = 0, sha256 = '' } = refusal;
    const { code, text, reply = '', tries = 1 } = refusal;
    const told = { account: id, group, uidl, date: arrived || date, messageId, subject, size, sha256 };
    return { ...told, code, text, reply, tries, by, reason, at: iso(at) };
  });
}

/** A newer version may have had codes that this one does not know. */
function remedyOf(code: string): string {
  return codes.has(code) ? errorRow(code as ErrorCode).remedy : '';
}

function iso(ms: number): string {
  return ms > 0 ? new Date(ms).toISOString() : '';
}

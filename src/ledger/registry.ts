/** The registry of what did not arrive: every message that was refused or could not be had, and what is known of it. */
import type { ErrorCode } from '../ground/errors.ts';
import { printable } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { spooledKeys } from './batches.ts';
import { type Owed, readOwedMessages } from './owed.ts';
import { LedgerTable } from './table.ts';

const textMaxChars = 1000;

/** Why a message was refused and what it was, as it is kept until somebody accepts or retries it. */
export interface Refusal {
  readonly code: ErrorCode;
  /** The error in words. */
  readonly text: string;
  /** The source's unique id, as Latin-1; empty when it has none. */
  readonly uidl: string;
  /** Bytes at the source. */
  readonly size: number;
  /** SHA-256 of the bytes at the source, hexadecimal. */
  readonly sha256: string;
  /** What the server said, where one was asked. */
  readonly reply?: string | undefined;
  /** How often it was offered to the destination in this run; once unless it is said. */
  readonly tries?: number | undefined;
  /** When it arrived, as the destination would have been told; left out where nothing says so. */
  readonly arrived?: string | undefined;
  /** What its header says. */
  readonly date?: string | undefined;
  readonly messageId?: string | undefined;
  readonly subject?: string | undefined;
  /** When it was refused, in milliseconds since 1970, and in which run of the account. */
  readonly at?: number | undefined;
  readonly run?: number | undefined;
}

/** The JSON of a refusal, bounded; what is not known is left out of it. */
export function packRefusal(refusal: Refusal): string {
  const { text, reply, ...rest } = refusal;
  const said = { text: printable(text, textMaxChars), reply: printable(reply ?? '', textMaxChars) };
  return JSON.stringify({ ...rest, ...said }, (_, value: unknown) => (value === '' ? undefined : value));
}

/** One message that did not arrive. Texts are safe to show, and empty where nothing is known. */
export interface RegisteredMessage {
  /** Its key in the ledger, hexadecimal. */
  readonly key: string;
  /** `refused` by the destination, `unreadable` at the source, or `hidden`: its spool was lost. */
  readonly fate: 'refused' | 'unreadable' | 'hidden';
  readonly code: ErrorCode;
  readonly text: string;
  readonly reply: string;
  /** How often it was tried in all runs. */
  readonly tries: number;
  /** As Latin-1. */
  readonly uidl: string;
  /** Bytes, as far as known. */
  readonly size: number;
  readonly sha256: string;
  readonly arrived: string;
  readonly date: string;
  readonly messageId: string;
  readonly subject: string;
  /** Milliseconds since 1970, and the number of the run; 0 where they are not known. */
  readonly at: number;
  readonly run: number;
}

/** All messages of an account that did not arrive and that nobody has accepted, the earliest first. */
export async function readRegistry(redis: RedisClient, account: string): Promise<RegisteredMessage[]> {
  // Keys are bytes; a reply in the order of field and value keeps them.
  const flat = (await redis.callBuffer('HGETALL', accountKeys.refusals(account))) as Buffer[];
  const found: RegisteredMessage[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) found.push(refusedMessage(flat[i]!.toString('hex'), flat[i + 1]!));
  found.push(...(await failedMessages(redis, account)));
  return found.sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1));
}

/** A refusal as it is kept, with the tries of the runs before it was retried: the script that settles it adds those apart. */
export function withAllTries<T extends Partial<Refusal>>(kept: T & { readonly triesBefore?: number }): T {
  const { triesBefore, ...refusal } = kept;
  return triesBefore === undefined ? kept : { ...(refusal as T), tries: (kept.tries ?? 1) + triesBefore };
}

const nothing = { reply: '', uidl: '', size: 0, sha256: '', arrived: '', date: '', messageId: '', subject: '' };

function refusedMessage(key: string, json: Buffer): RegisteredMessage {
  // Records of earlier versions have code and text only, or those and uidl, size and sha256.
  const { tries = 1, at = 0, run = 0, ...known } = withAllTries(JSON.parse(json.toString()) as Refusal);
  return {
    ...nothing,
    ...(known as Refusal & typeof nothing),
    key,
    fate: 'refused',
    tries,
    at,
    run,
  };
}

/** What the source owes and neither spool nor ledger has by now. */
async function failedMessages(redis: RedisClient, account: string): Promise<RegisteredMessage[]> {
  const owed = await readOwedMessages(redis, account);
  if (owed.size === 0) return [];
  // The spool first: a message goes from there into the ledger, and must be seen in one of them.
  const spooled = await spooledKeys(redis, account);
  const ledger = await LedgerTable.load(redis, account);
  const failed: RegisteredMessage[] = [];
  for (const [key, message] of owed) {
    const outcome = ledger.get(Buffer.from(key, 'hex'))?.outcome;
    if (!spooled.has(key) && (outcome === undefined || outcome === 'vanished'))
      failed.push(failedMessage(key, message));
  }
  return failed;
}

function failedMessage(key: string, { reason, uidl, size, reply, tries, at }: Owed): RegisteredMessage {
  const lost = reason === 'spool-lost';
  return {
    ...nothing,
    key,
    fate: lost ? 'hidden' : 'unreadable',
    code: lost ? 'message-hidden' : 'message-unreadable',
    text: lost ? 'it was fetched, and its spool was lost before it was delivered' : reply,
    reply,
    tries,
    uidl,
    size,
    at,
    run: 0,
  };
}

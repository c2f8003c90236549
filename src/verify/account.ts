/** Verifying one account: source, ledger and destination held against each other, reading only. */
import type { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { ImapEndpoint } from '../imap/door.ts';
import { wasMerged } from '../ledger/changed-mail.ts';
import { LedgerTable } from '../ledger/table.ts';
import { kindOf } from '../message/fingerprint.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';
import { Destination, type NoteNames } from './destination.ts';
import { findDoubles } from './doubles.ts';
import type { Expected } from './expected.ts';
import { Findings } from './findings.ts';
import { Matching } from './matching.ts';
import type { Depth } from './sample.ts';
import { type VerifyContext, withSource } from './source.ts';
import { readContents, surveySource } from './survey.ts';

/** Whose mail is verified. */
export interface VerifyTask {
  /** Key of the account. */
  readonly account: string;
  readonly source: PopEndpoint;
  readonly destination: ImapEndpoint;
  /** Of which messages the content is compared. */
  readonly depth: Depth;
  /** True for a destination that is known to keep one of several messages with one Message-ID. */
  readonly merges: boolean;
}

/** What was found out about an account. */
export interface VerifiedAccount {
  readonly findings: Findings;
  /** Listed octets of the source. */
  readonly bytesListed: number;
  /** Messages of which the destination changed the header. */
  readonly rewritten: number;
  /** Mailboxes of the destination that could not be read. */
  readonly unread: readonly MailhaulError[];
  /** The messages that were chosen to be compared by content, and among how many. */
  readonly chosen: { readonly compared: number; readonly of: number };
}

/** Verifies one account. Throws MailhaulError. */
export async function verifyAccount(task: VerifyTask, given: VerifyContext): Promise<VerifiedAccount> {
  const { redis, settings } = given;
  const { account, depth } = task;
  // Whoever counts as a twin for the append side has to count here, whether it was found there or kept by the server.
  const oneById = settings.dedupe === 'message-id' || task.merges || (await wasMerged(redis, account));
  const context: VerifyContext = { ...given, kind: oneById ? 'message-id' : kindOf(settings.dedupe) };
  const { expected, comparable } = await withSource(task.source, context, (session) =>
    surveySource(session, redis, account, depth),
  );
  const mailboxes = await ledgerMailboxes(redis, account);
  // Where both are one host it has a connection for the source, too: waiting for it with one in hand might be for ever.
  const isOneHost = task.source.host.toLowerCase() === task.destination.host.toLowerCase();
  const destination = await Destination.open(task.destination, context, isOneHost ? 2 : 1);
  try {
    const { holdings } = destination;
    await destination.read(namesOfGone(expected, mailboxes));
    const contents = destination.contents.bind(destination);
    const readSource = (wanted: readonly number[]) =>
      withSource(
        task.source,
        context,
        (session) => readContents(session, expected, wanted),
        isOneHost ? destination.budget : undefined,
      );
    const matching = new Matching({ expected, holdings, mailboxes, contents, readSource, oneById });
    await matching.run();
    // Without a search for twins, mail that was there before stands beside its equal: that is what was asked for.
    const doubled = settings.dedupe === 'off' ? [] : await findDoubles(expected, holdings, contents);
    await destination.close();
    await lookUpAgain(redis, account, expected);
    const refusals = await readRefusals(redis, account);
    return {
      findings: new Findings({ expected, holdings, mailboxes, doubled, refusals }),
      bytesListed: bytesListed(expected),
      rewritten: matching.rewritten,
      unread: destination.unread,
      chosen: { compared: chosenAndCompared(expected), of: comparable },
    };
  } finally {
    await destination.destroy();
  }
}

/** What was on its way while the ledger was read may have been settled since. */
async function lookUpAgain(redis: RedisClient, account: string, expected: Expected): Promise<void> {
  const unrecorded: number[] = [];
  for (let n = 0; n < expected.size; n += 1) if (expected.verdict(n) === 'unrecorded') unrecorded.push(n);
  if (unrecorded.length === 0) return;
  expected.renewLedger(await LedgerTable.load(redis, account));
  for (const n of unrecorded) if (expected.record(n)) expected.decide(n, 'present', expected.place(n));
}

/** Names messages that the source lists no longer by what stands at the places where they were delivered. */
function namesOfGone(expected: Expected, mailboxes: ReadonlyMap<number, string>): NoteNames {
  const places = new Map<string, Map<number, number>>();
  for (let n = expected.listing.length; n < expected.size; n += 1) {
    const { mailbox = 0, uid = 0 } = expected.record(n) ?? {};
    const path = mailboxes.get(mailbox);
    if (path === undefined || uid === 0) continue;
    if (!places.has(path)) places.set(path, new Map());
    places.get(path)!.set(uid, n);
  }
  return (path, uid, names) => {
    const n = places.get(path)?.get(uid);
    if (n !== undefined) expected.names.set(n, names);
  };
}

async function ledgerMailboxes(redis: RedisClient, account: string): Promise<ReadonlyMap<number, string>> {
  const numbers = await redis.hgetall(accountKeys.mailboxes(account));
  return new Map(Object.entries(numbers).map(([path, number]) => [Number(number), path]));
}

async function readRefusals(redis: RedisClient, account: string): Promise<ReadonlyMap<string, string>> {
  const refusals = new Map<string, string>();
  // Keys are bytes; a reply in the order of field and value keeps them.
  const both = [accountKeys.acceptances(account), accountKeys.refusals(account)];
  for (const flat of (await Promise.all(both.map((key) => redis.callBuffer('HGETALL', key)))) as Buffer[][]) {
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const told = JSON.parse(flat[i + 1]!.toString()) as { text: string } | { refusal: { text: string } };
      refusals.set(flat[i]!.toString('hex'), 'refusal' in told ? told.refusal.text : told.text);
    }
  }
  return refusals;
}

/** What is missing was chosen and could not be compared. */
function chosenAndCompared(expected: Expected): number {
  let count = 0;
  for (let n = 0; n < expected.size; n += 1) if (expected.isDeep(n) && expected.isCompared(n)) count += 1;
  return count;
}

function bytesListed({ listing }: Expected): number {
  let bytes = 0;
  for (let n = 0; n < listing.length; n += 1) bytes += Math.max(0, listing.octets(n));
  return bytes;
}

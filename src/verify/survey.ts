/** The side of the source and of the ledger: what must be at the destination. */
import type { RedisClient } from '../ground/redis.ts';
import { spooledKeys } from '../ledger/batches.ts';
import { readOwed } from '../ledger/owed.ts';
import { contentKey } from '../ledger/record.ts';
import { readRepairs } from '../ledger/repairs.ts';
import { LedgerTable } from '../ledger/table.ts';
import { Expected } from './expected.ts';
import { type Depth, markDeep } from './sample.ts';
import type { SourceSession, TakeMessage } from './source.ts';

/** What was found out at the source. */
export interface Survey {
  readonly expected: Expected;
  /** Among how many messages those whose content is compared were chosen. */
  readonly comparable: number;
}

/** Lists the source, reads the ledger, and reads headers; content too where `depth` asks, or where only it gives a key. */
export async function surveySource(
  session: SourceSession,
  redis: RedisClient,
  account: string,
  depth: Depth,
): Promise<Survey> {
  const listing = await session.list();
  // The spool first: a message goes from there into the ledger, and must be seen in one of them. Both before the
  // destination: what they call delivered by now must be there later.
  const spooled = await spooledKeys(redis, account);
  const owed = await readOwed(redis, account);
  const ledger = await LedgerTable.load(redis, account);
  const repaired = await readRepairs(redis, account);
  const expected = new Expected(listing, ledger, { spooled, owed, repaired });
  const places = Array.from({ length: listing.length }, (_, place) => place);
  const anonymous = places.filter((place) => expected.isAnonymous(place));
  if (anonymous.length > 0) await session.readMessages(listing, anonymous, taker(expected));
  expected.addGone();
  // In this session: one more login just for the sample would be one too many where they are rationed.
  const comparable = markDeep(expected, depth, account);
  const named = places.filter((place) => !expected.isAnonymous(place));
  const noTop = await session.readHeaders(
    listing,
    named.filter((place) => !expected.isDeep(place)),
    (place, marks) => expected.setMarks(place, marks),
  );
  // TOP is optional (RFC 1939 §7).
  const whole = [...named.filter((place) => expected.isDeep(place)), ...noTop].sort((a, b) => a - b);
  if (whole.length > 0) await session.readMessages(listing, whole, taker(expected));
  expected.markShared();
  return { expected, comparable };
}

/** Reads the content of messages in a later session, found again by their unique ids. */
export async function readContents(
  session: SourceSession,
  expected: Expected,
  wanted: readonly number[],
): Promise<void> {
  const byUidl = new Map(wanted.map((n) => [expected.listing.uidl(n).toString('latin1'), n]));
  const listing = await session.list();
  const numbers = new Map<number, number>();
  for (let place = 0; place < listing.length; place += 1) {
    const n = byUidl.get(listing.uidl(place).toString('latin1'));
    if (n !== undefined) numbers.set(place, n);
  }
  if (numbers.size === 0) return;
  await session.readMessages(listing, numbers.keys(), (place, marks, contents) => {
    expected.setMarks(numbers.get(place)!, marks);
    expected.setContents(numbers.get(place)!, contents);
  });
}

/** Enters messages; one without a unique id of its own gets the key of its content and of its turn among copies. */
function taker(expected: Expected): TakeMessage {
  const copies = new Map<string, number>();
  return (place, marks, contents) => {
    expected.setMarks(place, marks);
    expected.setContents(place, contents);
    if (!expected.isAnonymous(place)) return;
    const sha256 = contents.sha256.toString('hex');
    const copy = copies.get(sha256) ?? 0;
    copies.set(sha256, copy + 1);
    expected.setKey(place, contentKey(sha256, copy));
  };
}

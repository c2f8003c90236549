/** What of a maildrop is still to be fetched: the listing minus what the ledger and the spool know. */
import { KeyTable } from '../ledger/key-table.ts';
import { keyBytes, writeUidlKey } from '../ledger/record.ts';
import { endedBefore, refusedBefore, vanishedBefore } from '../ledger/standings.ts';
import type { LedgerTable } from '../ledger/table.ts';
import type { MaildropListing } from '../pop3/listing.ts';

/** How the messages of a listing stand. Numbers count messages, or bytes where the name says so. */
export interface Pick {
  readonly listed: number;
  readonly bytesListed: number;
  /** Appended or duplicate in an earlier run, or refused and accepted. */
  readonly known: number;
  /** Refused in an earlier run and not accepted. */
  readonly refusedBefore: number;
  /** Places in the listing that are to be fetched, in this order. A listing is oldest first. */
  readonly wanted: Uint32Array;
  /** The keys of all places, packed; most were made while the listing came. */
  readonly keys: Buffer;
  /** Messages without a unique id of their own. */
  readonly anonymous: number;
  /** True for a place whose unique id stands for one message: present and not shared. */
  hasOwnUidl(place: number): boolean;
}

/** Which messages of a maildrop are fetched first. */
export type PickOrder = 'oldest' | 'newest';

/** Subtracts what is known. `run` is the number of the current run, `spooled` the keys that wait in a spool. */
export function pick(
  listing: MaildropListing,
  ledger: LedgerTable,
  spooled: ReadonlySet<string>,
  run: number,
  order: PickOrder = 'oldest',
): Pick {
  const keys = listing.keys ?? listingKeys(listing);
  const records = ledger.recordsOf(keys, listing.length);
  let table: KeyTable | undefined;
  const places = () => {
    table ??= new KeyTable(keys, keyBytes);
    return table;
  };
  const shared = sharedUidls(listing, keys, records, places);
  const hasOwnUidl = (place: number) => listing.hasUidlOf(place) && !shared.has(place);
  const areOwn = shared.size === 0 && listing.hasAllUidls;
  const anonymous = areOwn ? 0 : leaveOutAnonymous(records, hasOwnUidl);
  const standings = ledger.standings(run);
  const { known, refused, open } = sort(records, standings.of);
  const isSpooled = (place: number) => spooled.has(keys.toString('hex', place * keyBytes, (place + 1) * keyBytes));
  const wanted = spooled.size === 0 ? open : open.filter((place) => !isSpooled(place));
  const gone = standings.endedNow + spooled.size === 0 ? 0 : goneFromListing(places, ledger, spooled, run);
  return {
    listed: listing.length + Math.max(0, gone - anonymous),
    bytesListed: listing.octetsTotal,
    known,
    refusedBefore: refused,
    wanted: order === 'oldest' ? wanted : wanted.reverse(),
    keys,
    anonymous,
    hasOwnUidl,
  };
}

/** Takes their records from messages without a unique id of their own, which those are not about. Returns how many there are. */
function leaveOutAnonymous(records: Int32Array, hasOwnUidl: (place: number) => boolean): number {
  let anonymous = 0;
  for (let place = 0; place < records.length; place += 1) {
    if (hasOwnUidl(place)) continue;
    records[place] = -1;
    anonymous += 1;
  }
  return anonymous;
}

/** How many messages have ended in earlier runs, and the places of those that have in none. */
interface Sorted {
  readonly known: number;
  readonly refused: number;
  readonly open: Uint32Array;
}

/** Sorts the places by their records. It calls nothing: there may be very many places, and it runs once. */
function sort(records: Int32Array, standings: Uint8Array): Sorted {
  const open = new Uint32Array(records.length);
  let [known, refused, others] = [0, 0, 0];
  for (let place = 0; place < records.length; place += 1) {
    const record = records[place]!;
    const standing = record === -1 ? vanishedBefore : standings[record]!;
    if (standing === endedBefore) known += 1;
    else if (standing === vanishedBefore) open[others++] = place;
    else if (standing === refusedBefore) refused += 1;
  }
  return { known, refused, open: open.subarray(0, others) };
}

/** The keys of all places, packed, of a listing that came without. */
function listingKeys(listing: MaildropListing): Buffer {
  const keys = Buffer.alloc(listing.length * keyBytes);
  for (let place = 0; place < listing.length; place += 1) {
    const uidl = listing.uidl(place);
    writeUidlKey(keys, place * keyBytes, uidl, 0, uidl.length);
  }
  return keys;
}

/** Places whose unique id stands at other places too (RFC 1939 §7 allows it for identical copies). */
function sharedUidls(
  listing: MaildropListing,
  keys: Buffer,
  records: Int32Array,
  places: () => KeyTable,
): ReadonlySet<number> {
  const shared = new Set<number>();
  // Of an unchanged maildrop all keys are known, in the order of the ledger: none can stand twice.
  if (isRising(records) || places().size === listing.length) return shared;
  const groups = new Map<number, number[]>();
  for (let place = 0; place < listing.length; place += 1) {
    const last = places().find(keys, place * keyBytes);
    const group = groups.get(last);
    if (group) group.push(place);
    else groups.set(last, [place]);
  }
  for (const group of groups.values()) if (group.length > 1) for (const place of group) shared.add(place);
  return shared;
}

/** Whether each is a record, and of another place than the one before. */
function isRising(records: Int32Array): boolean {
  let last = -1;
  for (let place = 0; place < records.length; place += 1) {
    if (records[place]! <= last) return false;
    last = records[place]!;
  }
  return true;
}

/** Messages that this run has settled or holds in the spool and that are no longer listed: they were listed before. */
function goneFromListing(
  listed: () => KeyTable,
  ledger: LedgerTable,
  spooled: ReadonlySet<string>,
  run: number,
): number {
  let gone = 0;
  for (const { key } of ledger.ofRun(run)) if (listed().find(key) === -1) gone += 1;
  for (const name of spooled) {
    const key = Buffer.from(name, 'hex');
    const end = ledger.get(key);
    // What is in both was settled between the two looks, and was counted; or in an earlier run that died before it
    // deleted the file, which was adopted: no more comes of it. What had vanished then is there again.
    const isSettled = end !== undefined && (end.run === run || end.outcome !== 'vanished');
    if (listed().find(key) === -1 && !isSettled) gone += 1;
  }
  return gone;
}

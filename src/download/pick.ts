/** What of a maildrop is still to be fetched: the listing minus what the ledger and the spool know. */
import { KeyTable } from '../ledger/key-table.ts';
import { keyBytes, writeUidlKey } from '../ledger/record.ts';
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
  const keys = listingKeys(listing);
  const places = new KeyTable(keys, keyBytes);
  const shared = sharedUidls(listing, keys, places);
  const hasOwnUidl = (place: number) => listing.hasUidlOf(place) && !shared.has(place);
  const wanted = new Uint32Array(listing.length);
  const counts = { wanted: 0, known: 0, refusedBefore: 0, bytesListed: 0, anonymous: 0 };
  for (let place = 0; place < listing.length; place += 1) {
    counts.bytesListed += Math.max(0, listing.octets(place));
    const own = hasOwnUidl(place);
    const end = own ? ledger.ending(keys, place * keyBytes) : undefined;
    if (!own) counts.anonymous += 1;
    if (end?.run === run) continue;
    // A message that vanished in an earlier run and is listed again is there again.
    if (end && end.outcome !== 'vanished') {
      if (end.outcome === 'refused') counts.refusedBefore += 1;
      else counts.known += 1;
    } else if (!spooled.has(keys.toString('hex', place * keyBytes, (place + 1) * keyBytes))) {
      wanted[counts.wanted++] = place;
    }
  }
  const gone = goneFromListing(places, ledger, spooled, run);
  const taken = wanted.subarray(0, counts.wanted);
  return {
    listed: listing.length + Math.max(0, gone - counts.anonymous),
    bytesListed: counts.bytesListed,
    known: counts.known,
    refusedBefore: counts.refusedBefore,
    wanted: order === 'oldest' ? taken : taken.reverse(),
    keys,
    anonymous: counts.anonymous,
    hasOwnUidl,
  };
}

/** The keys of all places, packed; most were made while the listing came. */
function listingKeys(listing: MaildropListing): Buffer {
  const keys = Buffer.alloc(listing.length * keyBytes);
  for (let place = 0; place < listing.length; place += 1) {
    if (!listing.copyKey(place, keys, place * keyBytes)) writeUidlKey(keys, place * keyBytes, listing.uidl(place));
  }
  return keys;
}

/** Places whose unique id stands at other places too (RFC 1939 §7 allows it for identical copies). */
function sharedUidls(listing: MaildropListing, keys: Buffer, places: KeyTable): ReadonlySet<number> {
  const shared = new Set<number>();
  if (places.size === listing.length) return shared;
  const groups = new Map<number, number[]>();
  for (let place = 0; place < listing.length; place += 1) {
    const last = places.find(keys, place * keyBytes);
    const group = groups.get(last);
    if (group) group.push(place);
    else groups.set(last, [place]);
  }
  for (const group of groups.values()) if (group.length > 1) for (const place of group) shared.add(place);
  return shared;
}

/** Messages that this run has settled or holds in the spool and that are no longer listed: they were listed before. */
function goneFromListing(listed: KeyTable, ledger: LedgerTable, spooled: ReadonlySet<string>, run: number): number {
  let gone = 0;
  for (const { key } of ledger.ofRun(run)) if (listed.find(key) === -1) gone += 1;
  for (const name of spooled) {
    const key = Buffer.from(name, 'hex');
    const end = ledger.ending(key, 0);
    // What is in both was settled between the two looks, and was counted; or in an earlier run that died before it
    // deleted the file, which was adopted: no more comes of it. What had vanished then is there again.
    const isSettled = end !== undefined && (end.run === run || end.outcome !== 'vanished');
    if (listed.find(key) === -1 && !isSettled) gone += 1;
  }
  return gone;
}

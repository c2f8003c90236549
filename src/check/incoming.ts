/** What of a maildrop is still to come to the destination: the listing without what the ledger knows. */
import { KeyTable } from '../ledger/key-table.ts';
import { keyBytes, uidlKey } from '../ledger/record.ts';
import type { LedgerTable } from '../ledger/table.ts';
import type { MaildropListing } from '../pop3/listing.ts';

/** A maildrop held against the ledger. Numbers count messages, or bytes where the name says so. */
export interface Incoming {
  readonly listed: number;
  readonly bytesListed: number;
  /** Settled in an earlier run, or refused and accepted. */
  readonly known: number;
  /** Refused in an earlier run and not accepted. */
  readonly refusedBefore: number;
  /** What is left. */
  readonly messages: number;
  readonly bytes: number;
  /** The largest of what is left, in bytes. */
  readonly largest: number;
  /** Messages without a unique id of their own: it is missing, blank or shared. */
  readonly anonymous: number;
  /** Most of what was carried before is listed under other ids. */
  readonly renewed: boolean;
  /** How many of what is left are larger. */
  largerThan(bytes: number): number;
  /** Bytes of those of what is left that are no larger; undefined for any size. */
  bytesWithin(bytes: number | undefined): number;
}

/** As few as this say nothing about a pattern. */
const fewest = 4;

/** Subtracts what is known. A message without a unique id of its own counts as one that will come. */
export function incomingOf(listing: MaildropListing, ledger: LedgerTable): Incoming {
  const keys = keysOf(listing);
  const anonymous = anonymousPlaces(listing, keys);
  const left = new Uint8Array(listing.length);
  const counts = { bytesListed: 0, known: 0, refusedBefore: 0, messages: 0, bytes: 0, largest: 0, anonymous: 0 };
  for (let place = 0; place < listing.length; place += 1) {
    const octets = Math.max(0, listing.octets(place));
    counts.bytesListed += octets;
    counts.anonymous += anonymous[place]!;
    const key = keys.subarray(place * keyBytes, (place + 1) * keyBytes);
    const record = anonymous[place] ? undefined : ledger.get(key);
    if (record?.outcome === 'refused') counts.refusedBefore += 1;
    else if (record && record.outcome !== 'vanished') counts.known += 1;
    else {
      left[place] = 1;
      counts.messages += 1;
      counts.bytes += octets;
      counts.largest = Math.max(counts.largest, octets);
    }
  }
  const sizes = sizesOf(listing, left);
  const largerThan = (bytes: number) => sizes.filter((octets) => octets > bytes).length;
  const bytesWithin = (bytes = Number.POSITIVE_INFINITY) =>
    sizes.reduce((sum, octets) => (octets > bytes ? sum : sum + octets), 0);
  return {
    listed: listing.length,
    ...counts,
    renewed: isRenewed(keys, ledger, counts.messages),
    largerThan,
    bytesWithin,
  };
}

/** The sizes of the messages at marked places. */
function sizesOf(listing: MaildropListing, marked: Uint8Array): Float64Array {
  const places = Array.from(marked.keys()).filter((place) => marked[place]);
  return Float64Array.from(places, (place) => Math.max(0, listing.octets(place)));
}

function keysOf(listing: MaildropListing): Buffer {
  const keys = Buffer.alloc(listing.length * keyBytes);
  for (let place = 0; place < listing.length; place += 1) uidlKey(listing.uidl(place)).copy(keys, place * keyBytes);
  return keys;
}

/** 1 for each place whose unique id is missing or blank, or stands at another place too (RFC 1939 §7). */
function anonymousPlaces(listing: MaildropListing, keys: Buffer): Uint8Array {
  const marks = new Uint8Array(listing.length);
  const table = new KeyTable(keys, keyBytes);
  for (let place = 0; place < listing.length; place += 1) {
    if (!listing.hasUidl || listing.uidl(place).length === 0) marks[place] = 1;
    const last = table.find(keys.subarray(place * keyBytes, (place + 1) * keyBytes));
    if (last !== place) marks[place] = marks[last] = 1;
  }
  return marks;
}

/** The judgement of a download session, which then compares by content (src/download/renamed.ts). */
function isRenewed(keys: Buffer, ledger: LedgerTable, unknown: number): boolean {
  const listed = new KeyTable(keys, keyBytes);
  let carried = 0;
  let gone = 0;
  for (const { outcome, key } of ledger) {
    if (outcome !== 'appended' && outcome !== 'duplicate') continue;
    carried += 1;
    if (listed.find(key) === -1) gone += 1;
  }
  return gone >= fewest && gone * 2 > carried && unknown * 2 > gone;
}

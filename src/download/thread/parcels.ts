/** Values made ready to be cloned from thread to thread, and made whole again. */
import { type ErrorCode, type ErrorDetails, MailhaulError } from '../../ground/errors.ts';
import { type LedgerRecord, packRecords, recordBytes, unpackRecord } from '../../ledger/record.ts';
import { type ListingParts, MaildropListing } from '../../pop3/listing.ts';
import type { HeadersByOffset } from '../../spool/spooled-headers.ts';
import type { Asked, Taken } from '../taker.ts';

/** An error without its class: a row of the error table, or one that nobody foresaw. */
export interface ErrorParcel {
  readonly code: ErrorCode | undefined;
  readonly details: ErrorDetails;
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: ErrorParcel | undefined;
}

/** Packs whatever was thrown. */
export function packError(thrown: unknown): ErrorParcel {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { name, message, stack, cause } = error;
  const known = error instanceof MailhaulError ? error : undefined;
  return {
    code: known?.code,
    details: known?.details ?? {},
    name,
    message,
    stack,
    cause: cause === undefined ? undefined : packError(cause),
  };
}

/** The error as it was thrown, with the stack of where that was. */
export function unpackError({ code, details, name, message, stack, cause }: ErrorParcel): Error {
  const because = cause && unpackError(cause);
  const error =
    code === undefined
      ? Object.assign(new Error(message, { cause: because }), { name })
      : new MailhaulError(code, details, because);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Headers in one piece: what lies where in the batch, and how long each is. */
export interface HeadersParcel {
  readonly offsets: Float64Array;
  readonly lengths: Uint32Array;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Packs headers into memory of their own, which may be given away; undefined for none. */
export function packHeaders(headers: HeadersByOffset): HeadersParcel | undefined {
  if (headers.size === 0) return undefined;
  const parts = [...headers.values()];
  const lengths = Uint32Array.from(parts, ({ length }) => length);
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { offsets: Float64Array.from(headers.keys()), lengths, bytes };
}

/** Headers by where their messages begin. */
export function unpackHeaders(parcel: HeadersParcel | undefined): HeadersByOffset {
  const headers = new Map<number, Buffer>();
  if (!parcel) return headers;
  let at = 0;
  for (const [index, offset] of parcel.offsets.entries()) {
    const length = parcel.lengths[index]!;
    headers.set(offset, Buffer.from(parcel.bytes.buffer, at, length));
    at += length;
  }
  return headers;
}

/**
 * A listing with the memory that goes along with it. An array that has its memory to itself gives it away; of one that
 * shares it there is a copy.
 */
export function packListing({ numbers, octets, octetsTotal, uidls }: ListingParts): [ListingParts, ArrayBuffer[]] {
  const given: ArrayBuffer[] = [];
  const own = <View extends Uint8Array | Uint32Array | Float64Array>(view: View, copy: () => View): View => {
    const whole = view.byteLength === view.buffer.byteLength ? view : copy();
    given.push(whole.buffer as ArrayBuffer);
    return whole;
  };
  const numbersOf = (view: Uint32Array) => own(view, () => view.slice());
  const bytesOf = (view: Uint8Array) => own(view, () => new Uint8Array(view));
  const packed = uidls && {
    bytes: bytesOf(uidls.bytes),
    from: numbersOf(uidls.from),
    to: numbersOf(uidls.to),
    keys: uidls.keys && bytesOf(uidls.keys),
  };
  const sizes = { numbers: numbersOf(numbers), octets: own(octets, () => octets.slice()), octetsTotal };
  return [{ ...sizes, uidls: packed }, given];
}

/** The listing that was packed. */
export function unpackListing({ uidls, ...sizes }: ListingParts): MaildropListing {
  if (!uidls) return new MaildropListing(sizes, undefined);
  const { bytes, from, to, keys } = uidls;
  return new MaildropListing(sizes, { bytes: asBuffer(bytes), from, to, keys: keys && asBuffer(keys) });
}

/** What is known of a message that was asked for; its unique id as Latin-1. */
export interface AskedParcel {
  readonly uidl: string;
  readonly hasOwnUidl: boolean;
  readonly claimed: number;
}

/** Packs what is known of a message. */
export function packAsked({ uidl, hasOwnUidl, claimed }: Asked): AskedParcel {
  return { uidl: uidl.toString('latin1'), hasOwnUidl, claimed };
}

/** What is known of a message. */
export function unpackAsked({ uidl, hasOwnUidl, claimed }: AskedParcel): Asked {
  return { uidl: Buffer.from(uidl, 'latin1'), hasOwnUidl, claimed };
}

/** The records that were packed. */
export function unpackRecords(packed: Uint8Array): LedgerRecord[] {
  const bytes = asBuffer(packed);
  return Array.from({ length: packed.length / recordBytes }, (_, at) => unpackRecord(bytes, at * recordBytes));
}

/** The same bytes, not a copy. */
export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** What became of the messages of a session. */
export interface TakenParcel extends Omit<Taken, 'renamed' | 'unreadable' | 'vanished'> {
  readonly renamed: Uint8Array;
  readonly unreadable: readonly { readonly number: number; readonly reply: string; readonly asked: AskedParcel }[];
  readonly vanished: readonly AskedParcel[];
}

/** Packs what became of messages. */
export function packTaken(taken: Taken): TakenParcel {
  return {
    ...taken,
    renamed: packRecords(taken.renamed),
    unreadable: taken.unreadable.map((each) => ({ ...each, asked: packAsked(each.asked) })),
    vanished: taken.vanished.map(packAsked),
  };
}

/** What became of messages. */
export function unpackTaken(parcel: TakenParcel): Taken {
  return {
    ...parcel,
    renamed: unpackRecords(parcel.renamed),
    unreadable: parcel.unreadable.map((each) => ({ ...each, asked: unpackAsked(each.asked) })),
    vanished: parcel.vanished.map(unpackAsked),
  };
}

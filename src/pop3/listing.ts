/** What a maildrop holds: the answers to UIDL and LIST, kept small. */
import type { MailhaulError } from '../ground/errors.ts';
import { BodyAnswer, type Status } from './answers.ts';
import type { PopConnection } from './connection.ts';
import type { UidlKeys } from './early-keys.ts';
import { IdLines, type ListingContext, SizeLines } from './listing-lines.ts';
import { classifyRefusal } from './replies.ts';

const NO_UIDL = Buffer.alloc(0);

/** Where the unique ids of the messages stand in the bytes of the UIDL answer; a message without one has an empty range. */
interface UidlRanges {
  readonly bytes: Buffer;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** What was made of them while they came, packed. */
  readonly keys: Buffer | undefined;
}

/** What a listing is made of: numbers and bytes alone, which can go from thread to thread. */
export interface ListingParts {
  readonly numbers: Uint32Array;
  readonly octets: Float64Array;
  readonly octetsTotal: number;
  readonly uidls:
    | {
        readonly bytes: Uint8Array;
        readonly from: Uint32Array;
        readonly to: Uint32Array;
        readonly keys: Uint8Array | undefined;
      }
    | undefined;
}

/** The messages that a session lists, by index in the order of their numbers. Typed arrays, no object a message. */
export class MaildropListing {
  /** How many messages are listed. */
  readonly length: number;
  /** Whether the server answered UIDL at all. */
  readonly hasUidl: boolean;
  /** The keys of all messages, one behind the other, made while the listing came; undefined where there are none. */
  readonly keys: Buffer | undefined;
  /** The sum of the sizes that the server claims. */
  readonly octetsTotal: number;
  readonly #numbers: Uint32Array;
  readonly #octets: Float64Array;
  readonly #uidls: UidlRanges | undefined;

  constructor(
    { numbers, octets, octetsTotal }: Pick<ListingParts, 'numbers' | 'octets' | 'octetsTotal'>,
    uidls: UidlRanges | undefined,
  ) {
    this.length = numbers.length;
    this.octetsTotal = octetsTotal;
    this.hasUidl = uidls !== undefined;
    this.keys = uidls?.keys;
    this.#numbers = numbers;
    this.#octets = octets;
    this.#uidls = uidls;
  }

  /** What it is made of, not a copy. */
  get parts(): ListingParts {
    return { numbers: this.#numbers, octets: this.#octets, octetsTotal: this.octetsTotal, uidls: this.#uidls };
  }

  /** The message's number, valid in this session only. */
  number(index: number): number {
    return this.#numbers[index]!;
  }

  /** The size the server claims, often wrong; 0 where it claims none. */
  octets(index: number): number {
    return this.#octets[index]!;
  }

  /** Whether every message has a unique id that is not blank. */
  get hasAllUidls(): boolean {
    if (this.#uidls === undefined) return false;
    const { from, to } = this.#uidls;
    for (let index = 0; index < this.length; index += 1) if (to[index]! <= from[index]!) return false;
    return true;
  }

  /** Whether the server gave the message a unique id that is not blank. */
  hasUidlOf(index: number): boolean {
    return this.#uidls !== undefined && this.#uidls.to[index]! > this.#uidls.from[index]!;
  }

  /** The unique id as opaque bytes, a view of the listing; empty when it is blank or missing. */
  uidl(index: number): Buffer {
    const ranges = this.#uidls;
    return ranges === undefined ? NO_UIDL : ranges.bytes.subarray(ranges.from[index]!, ranges.to[index]!);
  }
}

/**
 * Asks for the listing; UIDL and LIST travel together where the server takes several commands at once. UIDL goes first:
 * keys are made of its lines while the server is busy with LIST.
 * @throws MailhaulError `listing-too-large`, `protocol-error`, `server-unavailable`, `account-busy`
 */
export async function listMaildrop(connection: PopConnection, pipelining: boolean): Promise<MaildropListing> {
  const { uidlKeys } = connection.options;
  const askIds = () => ask(connection, new IdLines(connection, uidlKeys));
  const ids = askIds();
  if (!pipelining) await ids.reply;
  const sizes = ask(connection, new SizeLines(connection));
  const [identified, listed] = await Promise.all([ids.reply, sizes.reply]);
  if (listed.kind !== 'ok') throw refusal(connection, listed);
  if (identified.kind !== 'ok') return listingOf(sizes.read, undefined, uidlKeys);
  if (isWithin(sizes.read.lines.numbers, ids.read.lines.numbers)) return listingOf(sizes.read, ids, uidlKeys);
  // A message came in between (no server that locks its maildrop, as RFC 1939 §4 has it, lists one). It has a unique id,
  // and would be taken for one without; whoever has none behind LIST has none.
  const again = askIds();
  const repeated = await again.reply;
  if (repeated.kind !== 'ok') throw refusal(connection, repeated);
  return listingOf(sizes.read, again, uidlKeys);
}

function refusal(connection: PopConnection, { line }: Status): MailhaulError {
  const reply = connection.readable(line);
  return connection.error(classifyRefusal(reply), { reply });
}

function ask<Read extends SizeLines | IdLines>(connection: PopConnection, read: Read): ListAnswer<Read> {
  const answer = new ListAnswer(connection, read);
  connection.send(read.lines.command, answer);
  return answer;
}

/** An answer whose lines are read while they come. */
class ListAnswer<Read extends SizeLines | IdLines> extends BodyAnswer {
  readonly read: Read;

  constructor(connection: PopConnection, read: Read) {
    const { popCommandTimeoutMs, popReadTimeoutMs, popListingMaxBytes } = connection.options;
    const tooLong = () => connection.error('listing-too-large', { limit: `${popListingMaxBytes} bytes` });
    const expected = { during: read.lines.command, answerMs: popCommandTimeoutMs };
    super(expected, popReadTimeoutMs, popListingMaxBytes, tooLong);
    this.read = read;
  }

  override data(chunk: Buffer): void {
    super.data(chunk);
    this.read.lines.take(chunk);
  }

  override end(): void {
    this.read.lines.finish();
    super.end();
  }
}

/**
 * The listing of two answers, pure. A unique id for a number that LIST lacks is ignored: the message came in between, or
 * is gone.
 * @param uidl the answer to UIDL; undefined when the server has none
 * @param keys what is made of its lines
 * @throws MailhaulError `listing-too-large`, `protocol-error`
 */
export function parseListing(
  list: Buffer,
  uidl: Buffer | undefined,
  context: ListingContext,
  keys?: UidlKeys,
): MaildropListing {
  const sizes = readWhole(new SizeLines(context), list);
  const ids = uidl && { read: readWhole(new IdLines(context, keys), uidl), body: uidl };
  return listingOf(sizes, ids, keys);
}

function readWhole<Read extends SizeLines | IdLines>(read: Read, body: Buffer): Read {
  read.lines.take(body);
  read.lines.finish();
  return read;
}

/** Whether each number stands among others, both in order. */
function isWithin(numbers: Uint32Array, others: Uint32Array): boolean {
  let at = 0;
  for (let place = 0; place < numbers.length; place += 1) {
    while (at < others.length && others[at]! < numbers[place]!) at += 1;
    if (others[at] !== numbers[place]) return false;
  }
  return true;
}

/** What is listed, with the unique ids of two answers joined by their numbers. */
function listingOf(
  { lines: { numbers }, octets, octetsTotal }: SizeLines,
  uidl: { readonly read: IdLines; readonly body: Buffer } | undefined,
  keys: UidlKeys | undefined,
): MaildropListing {
  const sizes = { numbers, octets, octetsTotal };
  if (uidl === undefined) return new MaildropListing(sizes, undefined);
  const { lines, keys: made } = uidl.read;
  const ranges = { bytes: uidl.body, from: lines.from, to: lines.to, keys: made };
  const same = lines.numbers.length === numbers.length && isWithin(numbers, lines.numbers);
  return new MaildropListing(sizes, same ? ranges : placed(numbers, lines.numbers, ranges, keys));
}

/** The ranges of the lines as those of the messages. */
function placed(
  numbers: Uint32Array,
  ofLines: Uint32Array,
  ranges: UidlRanges,
  keys: UidlKeys | undefined,
): UidlRanges {
  const [from, to] = [new Uint32Array(numbers.length), new Uint32Array(numbers.length)];
  const packed = keys && Buffer.alloc(numbers.length * keys.bytes);
  let line = 0;
  for (const [place, number] of numbers.entries()) {
    while (line < ofLines.length && ofLines[line]! < number) line += 1;
    if (ofLines[line] === number) [from[place], to[place]] = [ranges.from[line]!, ranges.to[line]!];
    if (packed) keys.write(packed, place * keys.bytes, ranges.bytes, from[place]!, to[place]!);
  }
  return { bytes: ranges.bytes, from, to, keys: packed };
}

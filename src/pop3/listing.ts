/** What a maildrop holds: the answers to LIST and UIDL, kept small. */
import { MailhaulError } from '../ground/errors.ts';
import { BodyAnswer } from './answers.ts';
import type { PopConnection } from './connection.ts';
import type { PopOptions } from './endpoint.ts';
import { classifyRefusal } from './replies.ts';

const LF = 10;
const CR = 13;
const TAB = 9;
const SPACE = 32;
const NO_UIDL = Buffer.alloc(0);

/** Where the unique ids stand in the bytes of the UIDL answer; a message without one has an empty range. */
interface UidlRanges {
  bytes: Buffer;
  from: Float64Array;
  to: Float64Array;
}

/** The messages that a session lists, by index in the order of their numbers. Typed arrays, no object a message. */
export class MaildropListing {
  /** How many messages are listed. */
  readonly length: number;
  /** Whether the server answered UIDL at all. */
  readonly hasUidl: boolean;
  readonly #numbers: Uint32Array;
  readonly #octets: Float64Array;
  readonly #uidls: UidlRanges | undefined;

  constructor(numbers: Uint32Array, octets: Float64Array, uidls: UidlRanges | undefined) {
    this.length = numbers.length;
    this.hasUidl = uidls !== undefined;
    this.#numbers = numbers;
    this.#octets = octets;
    this.#uidls = uidls;
  }

  /** The message's number, valid in this session only. */
  number(index: number): number {
    return this.#numbers[index]!;
  }

  /** The size the server claims, often wrong; 0 where it claims none. */
  octets(index: number): number {
    return this.#octets[index]!;
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
 * Asks for the listing; LIST and UIDL travel together where the server takes several commands at once.
 * @throws MailhaulError `listing-too-large`, `protocol-error`, `server-unavailable`, `account-busy`
 */
export async function listMaildrop(connection: PopConnection, pipelining: boolean): Promise<MaildropListing> {
  const { popCommandTimeoutMs, popReadTimeoutMs, popListingMaxBytes } = connection.options;
  const ask = (command: string) => {
    const answer = new BodyAnswer(
      { during: command, answerMs: popCommandTimeoutMs },
      popReadTimeoutMs,
      popListingMaxBytes,
      () => connection.error('listing-too-large', { limit: `${popListingMaxBytes} bytes` }),
    );
    connection.send(command, answer);
    return answer;
  };
  const list = ask('LIST');
  if (!pipelining) await list.reply;
  const uidl = ask('UIDL');
  const [listed, identified] = await Promise.all([list.reply, uidl.reply]);
  if (listed.kind !== 'ok') {
    const reply = connection.readable(listed.line);
    throw connection.error(classifyRefusal(reply), { reply });
  }
  try {
    return parseListing(list.body, identified.kind === 'ok' ? uidl.body : undefined, connection);
  } catch (error) {
    connection.fail(error);
    throw error;
  }
}

/** What parsing needs to know of a connection. */
export interface ListingContext {
  endpoint: { host: string };
  options: Pick<PopOptions, 'popListingMaxMessages' | 'popUidlMaxBytes'>;
}

/**
 * The listing of two answers, pure. A unique id for a number that LIST lacks is ignored: the message came in between.
 * @param uidl the answer to UIDL; undefined when the server has none
 * @throws MailhaulError `listing-too-large`, `protocol-error`
 */
export function parseListing(list: Buffer, uidl: Buffer | undefined, context: ListingContext): MaildropListing {
  const { host } = context.endpoint;
  const { popListingMaxMessages, popUidlMaxBytes } = context.options;
  const count = countLines(list);
  if (count > popListingMaxMessages) {
    throw new MailhaulError('listing-too-large', { host, limit: `${popListingMaxMessages} messages` });
  }
  const numbers = new Uint32Array(count);
  const octets = new Float64Array(count);
  let lines = 0;
  eachLine(list, 'LIST', host, (number, from) => {
    numbers[lines] = number;
    // Post Office/NT lists -1 and others nothing; neither reads as a number, and 0 stands for unknown.
    octets[lines] = readNumber(list, from).value;
    lines += 1;
  });
  if (uidl === undefined) return new MaildropListing(numbers, octets, undefined);
  const ranges: UidlRanges = { bytes: uidl, from: new Float64Array(count), to: new Float64Array(count) };
  let index = 0;
  eachLine(uidl, 'UIDL', host, (number, from, to) => {
    if (to - from > popUidlMaxBytes) {
      throw new MailhaulError('listing-too-large', { host, limit: `${popUidlMaxBytes} bytes in one unique id` });
    }
    while (index < count && numbers[index]! < number) index += 1;
    if (numbers[index] !== number) return;
    ranges.from[index] = from;
    ranges.to[index] = to;
  });
  return new MaildropListing(numbers, octets, ranges);
}

// Gives each line's number and the range of what follows it, without the blanks around.
function eachLine(
  body: Buffer,
  command: string,
  host: string,
  take: (number: number, from: number, to: number) => void,
): void {
  let before = 0;
  for (let start = 0; start < body.length; ) {
    let end = start;
    while (end < body.length && body[end] !== LF) end += 1;
    const { value, next } = readNumber(body, skipBlanks(body, start));
    const blank = body[next] === SPACE || body[next] === TAB || body[next] === CR || next >= end;
    // RFC 1939 §5: numbers are decimal and start at 1. Out of order they belong to some other answer.
    if (value <= before || value > 0xffffffff || !blank) {
      const line = body.toString('latin1', start, Math.min(end, start + 80));
      throw new MailhaulError('protocol-error', { host, during: command, reply: line });
    }
    before = value;
    const from = skipBlanks(body, next);
    let to = end;
    while (to > from && isBlank(body[to - 1]!)) to -= 1;
    take(value, Math.min(from, to), to);
    start = end + 1;
  }
}

// The decimal number at a place, 0 where there is none, and the place behind it.
function readNumber(body: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  let next = at;
  for (; next < body.length; next += 1) {
    const digit = body[next]! - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return { value, next };
}

function skipBlanks(body: Buffer, at: number): number {
  let next = at;
  while (body[next] === SPACE || body[next] === TAB) next += 1;
  return next;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === CR;
}

function countLines(body: Buffer): number {
  let count = 0;
  for (let at = 0; at < body.length; at += 1) if (body[at] === LF) count += 1;
  return count;
}

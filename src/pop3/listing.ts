/** What a maildrop holds: the answers to LIST and UIDL, kept small. */
import { MailhaulError } from '../ground/errors.ts';
import { BodyAnswer } from './answers.ts';
import type { PopConnection } from './connection.ts';
import { EarlyKeys } from './early-keys.ts';
import type { PopOptions } from './endpoint.ts';
import { eachLine, readNumber } from './listing-lines.ts';
import { classifyRefusal } from './replies.ts';

const LF = 10;
const NO_UIDL = Buffer.alloc(0);

/** Where the unique ids stand in the bytes of the UIDL answer; a message without one has an empty range. */
interface UidlRanges {
  bytes: Buffer;
  from: Float64Array;
  to: Float64Array;
  /** Of each message the place of its line in the answer, counted from 1; 0 where it has none. */
  lines: Uint32Array;
  /** What was made of the lines while they came. */
  keys: EarlyKeys | undefined;
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

  /** Copies the key that was made of a message's unique id when its line came; false where there is none. */
  copyKey(index: number, to: Buffer, at: number): boolean {
    const ranges = this.#uidls;
    return ranges?.keys?.copy(ranges.lines[index]! - 1, to, at) ?? false;
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
  const ask = (command: string, early?: EarlyKeys) => {
    const answer = new ListAnswer(
      early,
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
  const { uidlKeys } = connection.options;
  const keys = uidlKeys && new EarlyKeys(uidlKeys);
  const uidl = ask('UIDL', keys);
  const [listed, identified] = await Promise.all([list.reply, uidl.reply]);
  if (listed.kind !== 'ok') {
    const reply = connection.readable(listed.line);
    throw connection.error(classifyRefusal(reply), { reply });
  }
  try {
    return parseListing(list.body, identified.kind === 'ok' ? uidl.body : undefined, connection, keys);
  } catch (error) {
    connection.fail(error);
    throw error;
  }
}

/** An answer whose lines are looked at while they come, too. */
class ListAnswer extends BodyAnswer {
  readonly #early: EarlyKeys | undefined;

  constructor(early: EarlyKeys | undefined, ...rest: ConstructorParameters<typeof BodyAnswer>) {
    super(...rest);
    this.#early = early;
  }

  override data(chunk: Buffer): void {
    super.data(chunk);
    this.#early?.take(chunk);
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
 * @param keys what was made of its lines while they came
 * @throws MailhaulError `listing-too-large`, `protocol-error`
 */
export function parseListing(
  list: Buffer,
  uidl: Buffer | undefined,
  context: ListingContext,
  keys?: EarlyKeys,
): MaildropListing {
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
  const [from, to] = [new Float64Array(count), new Float64Array(count)];
  const ranges: UidlRanges = { bytes: uidl, from, to, lines: new Uint32Array(count), keys };
  let index = 0;
  let line = 0;
  eachLine(uidl, 'UIDL', host, (number, from, to) => {
    line += 1;
    if (to - from > popUidlMaxBytes) {
      throw new MailhaulError('listing-too-large', { host, limit: `${popUidlMaxBytes} bytes in one unique id` });
    }
    while (index < count && numbers[index]! < number) index += 1;
    if (numbers[index] !== number) return;
    ranges.from[index] = from;
    ranges.to[index] = to;
    ranges.lines[index] = line;
  });
  return new MaildropListing(numbers, octets, ranges);
}

function countLines(body: Buffer): number {
  let count = 0;
  for (let at = 0; at < body.length; at += 1) if (body[at] === LF) count += 1;
  return count;
}

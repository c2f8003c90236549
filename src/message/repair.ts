/**
 * The repairs that a message may get when a destination refused it for a fault that it named (docs/refusals.md). Each is
 * a pure transform of bytes: what it gives does not depend on the cuts between chunks, and applied twice it changes
 * nothing the second time.
 */
import type { Settings } from '../ground/settings.ts';
import { headerEnd } from './header.ts';
import { asciiHeader, missingSeparatorAt } from './repair-header.ts';

/** The name of a repair. */
export type RepairName = Settings['repairs'][number];

/** In the order in which they are applied, whatever the order of the refusals was. */
const order: readonly RepairName[] = ['mbox-from', 'nul', 'line-ends', 'separator', 'header-8bit', 'final-crlf'];

/** Takes a message in chunks and hands out its repaired form. */
interface Transform {
  push(chunk: Buffer): Iterable<Buffer>;
  end(): Iterable<Buffer>;
}

const CR = 13;
const LF = 10;
const crlf = Buffer.from('\r\n');
/** A header longer than this is left as it is. */
const headMaxBytes = 4 * 1024 * 1024;

const transforms: Readonly<Record<RepairName, () => Transform>> = {
  'mbox-from': () => new MboxFrom(),
  nul: () => new Nul(),
  'line-ends': () => new LineEnds(),
  separator: () => new Head((head, whole) => (whole ? separated(head) : head)),
  'header-8bit': () =>
    new Head((head, whole) => {
      const end = whole ? missingSeparatorAt(head) : head.length;
      return Buffer.concat([asciiHeader(head.subarray(0, end)), head.subarray(end)]);
    }),
  'final-crlf': () => new FinalCrlf(),
};

/** The repaired form of a message, in chunks. */
export async function* repaired(
  names: readonly RepairName[],
  message: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const chain = order.filter((name) => names.includes(name)).map((name) => transforms[name]());
  for await (const chunk of message) yield* through(chain, [chunk]);
  for (const [at, transform] of chain.entries()) yield* through(chain.slice(at + 1), transform.end());
}

function* through(chain: readonly Transform[], chunks: Iterable<Buffer>): Generator<Buffer> {
  const [first, ...rest] = chain;
  for (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (first) yield* through(rest, first.push(chunk));
    else yield chunk;
  }
}

/** The longest line of a message in bytes, its line end left out. */
export async function longestLine(message: AsyncIterable<Buffer>): Promise<number> {
  let longest = 0;
  let length = 0;
  let last = LF;
  for await (const chunk of message) {
    let from = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, from)) {
      const before = at > 0 ? chunk[at - 1] : last;
      longest = Math.max(longest, length + at - from - (before === CR ? 1 : 0));
      length = 0;
      from = at + 1;
    }
    length += chunk.length - from;
    last = chunk.at(-1) ?? last;
  }
  return Math.max(longest, length);
}

/** Takes away the lines `From …` and `>From …` of an mbox file that stand before the header. */
class MboxFrom implements Transform {
  #state: 'begin' | 'inside' | 'done' = 'begin';
  #begin = Buffer.alloc(0);

  *push(chunk: Buffer): Iterable<Buffer> {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#state === 'done') {
        yield rest;
        return;
      }
      if (this.#state === 'inside') {
        const end = rest.indexOf(LF);
        if (end === -1) return;
        rest = rest.subarray(end + 1);
        this.#state = 'begin';
        continue;
      }
      const begin = Buffer.concat([this.#begin, rest]);
      const mark = ['From ', '>From '].find((text) => begin.subarray(0, text.length).equals(Buffer.from(text)));
      const may = ['From ', '>From '].some((text) => text.startsWith(begin.toString('latin1')));
      this.#begin = may && !mark ? begin : Buffer.alloc(0);
      if (this.#begin.length > 0) return;
      this.#state = mark ? 'inside' : 'done';
      rest = begin;
    }
  }

  *end(): Iterable<Buffer> {
    yield this.#begin;
  }
}

/** NUL as 0x80, as Dovecot shows it. */
class Nul implements Transform {
  *push(chunk: Buffer): Iterable<Buffer> {
    if (!chunk.includes(0)) yield chunk;
    else yield Buffer.from(chunk.map((byte) => (byte === 0 ? 0x80 : byte)));
  }

  *end(): Iterable<Buffer> {}
}

/** CR*LF and LF as CRLF, like the canonical form of design §8; a bare CR, which that leaves alone, as CRLF too. */
class LineEnds implements Transform {
  #returns = 0;

  *push(chunk: Buffer): Iterable<Buffer> {
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (byte !== CR && byte !== LF && this.#returns === 0) continue;
      if (byte !== CR && byte !== LF) {
        yield* this.#lines();
        from = at;
        continue;
      }
      yield chunk.subarray(from, at);
      from = at + 1;
      if (byte === CR) this.#returns += 1;
      else {
        this.#returns = 0;
        yield crlf;
      }
    }
    yield chunk.subarray(from);
  }

  *end(): Iterable<Buffer> {
    yield* this.#lines();
  }

  *#lines(): Iterable<Buffer> {
    for (; this.#returns > 0; this.#returns -= 1) yield crlf;
  }
}

/** Changes the header, which is held until its end is there. */
class Head implements Transform {
  readonly #change: (head: Buffer, whole: boolean) => Buffer;
  #parts: Buffer[] | undefined = [];
  #bytes = 0;

  /** `change` gets the header, or with `whole` the whole message, in which no empty line ends one. */
  constructor(change: (head: Buffer, whole: boolean) => Buffer) {
    this.#change = change;
  }

  *push(chunk: Buffer): Iterable<Buffer> {
    if (!this.#parts) {
      yield chunk;
      return;
    }
    this.#parts.push(chunk);
    this.#bytes += chunk.length;
    // Only an LF ends a header: what came without one need not be looked at again
    if (!chunk.includes(LF) && this.#bytes < headMaxBytes) return;
    const gathered = Buffer.concat(this.#parts);
    this.#parts = [gathered];
    const end = headerEnd(gathered);
    if (end === -1 && gathered.length < headMaxBytes) return;
    this.#parts = undefined;
    if (end === -1 || end > headMaxBytes) yield gathered;
    else {
      yield this.#change(gathered.subarray(0, end), false);
      yield gathered.subarray(end);
    }
  }

  *end(): Iterable<Buffer> {
    if (this.#parts) yield this.#change(Buffer.concat(this.#parts), true);
    this.#parts = undefined;
  }
}

/** A message in which no empty line ends the header, with one. */
function separated(message: Buffer): Buffer {
  const at = missingSeparatorAt(message);
  const open = at > 0 && message[at - 1] !== LF ? crlf : Buffer.alloc(0);
  return Buffer.concat([message.subarray(0, at), open, crlf, message.subarray(at)]);
}

/** The CRLF that Yahoo and others want at the end of a message. */
class FinalCrlf implements Transform {
  #last = LF;

  *push(chunk: Buffer): Iterable<Buffer> {
    this.#last = chunk.at(-1) ?? this.#last;
    yield chunk;
  }

  *end(): Iterable<Buffer> {
    if (this.#last === CR) yield Buffer.from('\n');
    else if (this.#last !== LF) yield crlf;
  }
}

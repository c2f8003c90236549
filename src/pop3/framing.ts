/** Where answers of a POP3 server begin and end: a state machine over bytes, without I/O. */

const CR = 13;
const LF = 10;
const DOT = 46;
const DOT_LINE = Buffer.from('\r\n.');
const HELD_CR = Buffer.from('\r');
const EMPTY = Buffer.alloc(0);

/**
 * What Framing.next() found: a status `line`, a piece of `data` of a multi-line answer, the `end` of one, nothing yet
 * (`more` bytes are needed), or a status line above the cap (`overlong`; nothing can be read after it).
 */
export type FramePart = 'line' | 'data' | 'end' | 'more' | 'overlong';

// In a status line, or inside a multi-line answer: after the bytes that the name tells.
type State = 'status' | 'text' | 'cr' | 'line-start' | 'dot' | 'dot-cr';

/**
 * Splits the byte stream of a server into status lines and multi-line answers, whatever TCP made of it. One chunk is
 * pushed at a time and asked for its parts until `more` comes back, so the caller can stop between any two parts.
 * Data are slices of the chunk, never copies; what a cut leaves open is remembered as a state, not as bytes.
 */
export class Framing {
  /** The status line that `line` announced, without its CRLF. A slice of the chunk where it arrived in one. */
  line: Buffer = EMPTY;
  /** The bytes that `data` announced: unstuffed, line ends included. A slice of the chunk. */
  data: Buffer = EMPTY;
  readonly #lineMaxBytes: number;
  #state: State = 'status';
  #chunk: Buffer = EMPTY;
  #at = 0;
  #partial: Buffer = EMPTY;

  /** @param lineMaxBytes longest status line that is accepted, its CR included */
  constructor(lineMaxBytes: number) {
    this.#lineMaxBytes = lineMaxBytes;
  }

  /** Bytes that arrived and belong to no part yet. */
  get unread(): number {
    return this.#chunk.length - this.#at + this.#partial.length;
  }

  /** Takes the next bytes of the stream. Only after next() said `more`. */
  push(chunk: Buffer): void {
    if (this.#at < this.#chunk.length) throw new Error('the chunk before was not read to its end');
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Says that the status line just read opens a multi-line answer. */
  expectBody(): void {
    this.#state = 'line-start';
  }

  /** The next part of the stream; its bytes are in `line` or `data`. */
  next(): FramePart {
    if (this.#at === this.#chunk.length) return 'more';
    return this.#state === 'status' ? this.#statusLine() : this.#body();
  }

  #statusLine(): FramePart {
    const chunk = this.#chunk;
    const from = this.#at;
    const newline = chunk.indexOf(LF, from);
    const to = newline < 0 ? chunk.length : newline;
    if (this.#partial.length + to - from > this.#lineMaxBytes) return 'overlong';
    if (newline < 0) {
      this.#partial = Buffer.concat([this.#partial, chunk.subarray(from)]);
      this.#at = to;
      return 'more';
    }
    const tail = chunk.subarray(from, newline);
    const line = this.#partial.length > 0 ? Buffer.concat([this.#partial, tail]) : tail;
    this.line = line.at(-1) === CR ? line.subarray(0, -1) : line;
    this.#partial = EMPTY;
    this.#at = newline + 1;
    return 'line';
  }

  // What the bytes before left open is settled first; the rest is one search for the next line that starts with a dot.
  #body(): FramePart {
    const first = this.#chunk[this.#at];
    switch (this.#state) {
      case 'cr':
        if (first !== LF) break;
        this.#state = 'line-start';
        return this.#emit(this.#at + 1, this.#at + 1);
      case 'line-start':
        if (first !== DOT) break;
        // RFC 1939 §3: a dot that begins a line is taken away, whether it was stuffed or ends the answer.
        this.#state = 'dot';
        this.#at += 1;
        return this.next();
      case 'dot':
        if (first !== CR) break;
        return this.#afterDotCr();
      case 'dot-cr':
        if (first === LF) return this.#end(this.#at + 1);
        // The CR at the end of the chunk before was a byte of the message after all.
        this.#state = 'text';
        this.data = HELD_CR;
        return 'data';
    }
    return this.#text();
  }

  #afterDotCr(): FramePart {
    const second = this.#at + 1;
    if (second === this.#chunk.length) {
      this.#state = 'dot-cr';
      this.#at = second;
      return 'more';
    }
    // RFC 1939 §3: only CRLF.CRLF ends the answer.
    return this.#chunk[second] === LF ? this.#end(second + 1) : this.#text();
  }

  #text(): FramePart {
    const chunk = this.#chunk;
    const length = chunk.length;
    const found = chunk.indexOf(DOT_LINE, this.#at);
    if (found >= 0) {
      this.#state = 'dot';
      return this.#emit(found + 2, found + 3);
    }
    const last = chunk[length - 1];
    if (last === CR) this.#state = 'cr';
    else this.#state = last === LF && chunk[length - 2] === CR ? 'line-start' : 'text';
    return this.#emit(length, length);
  }

  #emit(to: number, next: number): FramePart {
    this.data = this.#at === 0 && to === this.#chunk.length ? this.#chunk : this.#chunk.subarray(this.#at, to);
    this.#at = next;
    return 'data';
  }

  #end(next: number): FramePart {
    this.#state = 'status';
    this.#at = next;
    return 'end';
  }
}

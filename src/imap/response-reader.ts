/** Cuts the bytes of an IMAP server into answers, however TCP cut them. */
import { endsInText, type Response, readResponse } from './response.ts';

const LF = 0x0a;
const CR = 0x0d;

/** A line was longer than allowed; nothing after it can be trusted. */
export class LineTooLong extends Error {}

/**
 * An incremental reader. Memory is bounded by `lineMaxBytes`: the content of a literal is passed over, because
 * nothing that an append channel asks for comes in one.
 */
export class ResponseReader {
  readonly #lineMaxBytes: number;
  readonly #onResponse: (response: Response) => void;
  #line: Buffer[] = [];
  #lineBytes = 0;
  #literalBytes = 0;
  /** How much of the line stood before its last literal. */
  #before = 0;

  constructor(lineMaxBytes: number, onResponse: (response: Response) => void) {
    this.#lineMaxBytes = lineMaxBytes;
    this.#onResponse = onResponse;
  }

  /** Takes the next bytes and hands out every answer they complete. Throws LineTooLong. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#literalBytes > 0) {
        const skipped = Math.min(this.#literalBytes, chunk.length - at);
        this.#literalBytes -= skipped;
        at += skipped;
        continue;
      }
      const end = chunk.indexOf(LF, at);
      const stop = end === -1 ? chunk.length : end + 1;
      this.#keep(chunk.subarray(at, stop));
      at = stop;
      if (end !== -1) this.#endLine();
    }
  }

  #keep(part: Buffer): void {
    this.#lineBytes += part.length;
    if (this.#lineBytes > this.#lineMaxBytes) throw new LineTooLong();
    this.#line.push(part);
  }

  #endLine(): void {
    const bytes = this.#line.length === 1 ? this.#line[0]! : Buffer.concat(this.#line);
    let end = bytes.length - 1;
    if (end > 0 && bytes[end - 1] === CR) end--;
    const line = bytes.toString('latin1', 0, end);
    // RFC 3501 §4.3, RFC 3516 §4.2: a line that ends in {n} or ~{n} goes on after n bytes
    const literal = /\{(\d{1,15})\}$/.exec(line);
    if (literal !== null && literal.index >= this.#before && line.startsWith('*') && !endsInText(line)) {
      this.#literalBytes = Number(literal[1]);
      this.#line = [Buffer.from(line, 'latin1')];
      this.#lineBytes = line.length;
      this.#before = line.length;
      return;
    }
    this.#line = [];
    this.#lineBytes = 0;
    this.#before = 0;
    if (line !== '') this.#onResponse(readResponse(line));
  }
}

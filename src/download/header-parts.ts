/** The beginning of one message after the other, as it comes from the source: bounded, and copied out of the socket's memory. */
export class HeaderParts {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** At most `maxBytes` of each message are kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Begins the next message. */
  begin(): void {
    this.#parts = [];
    this.#bytes = 0;
  }

  /** Adds bytes of the message; those beyond the limit are dropped. */
  add(chunk: Buffer): void {
    if (this.#bytes >= this.#maxBytes) return;
    const part = Buffer.from(chunk.subarray(0, this.#maxBytes - this.#bytes));
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  /** What is kept of the message. */
  whole(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

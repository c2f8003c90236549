/** Headers of messages, one after the other, as they come from a source: bounded, and copied out of the socket's memory. */
import type { PopSink } from '../pop3/sink.ts';

/** Gets the header of each message in the order of the requests; undefined where the server does not give it. */
export type TakeHeader = (header: Buffer | undefined) => void;

/** Takes the beginnings of messages, and hands each on when its answer is over. */
export class HeaderSink implements PopSink {
  readonly #maxBytes: number;
  readonly #take: TakeHeader;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** At most `maxBytes` of each message are kept. */
  constructor(maxBytes: number, take: TakeHeader) {
    this.#maxBytes = maxBytes;
    this.#take = take;
  }

  start(): void {
    this.#parts = [];
    this.#bytes = 0;
  }

  /** Those beyond the limit are dropped. */
  data(chunk: Buffer): void {
    if (this.#bytes >= this.#maxBytes) return;
    const part = Buffer.from(chunk.subarray(0, this.#maxBytes - this.#bytes));
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  end(): void {
    this.#take(Buffer.concat(this.#parts));
  }

  refused(): void {
    this.#take(undefined);
  }
}

/** Headers of the mail that this process spooled last: whoever appends it soon need not read each from its file again. */

/** Headers by where their messages begin in the file of their batch. */
export type HeadersByOffset = ReadonlyMap<number, Buffer>;

/**
 * A bounded memory, and no more than that: what is not in it is read. When it is full it takes nothing new, since
 * batches are appended in the order in which they came.
 */
export class SpooledHeaders {
  readonly #maxBytes: number;
  readonly #batches = new Map<string, { headers: HeadersByOffset; bytes: number }>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Keeps the headers of a batch where there is room for all of them. */
  keep(batch: string, headers: HeadersByOffset): void {
    let bytes = 0;
    for (const header of headers.values()) bytes += header.length;
    // Probes have none, and where nothing is kept nothing is to be counted.
    if (bytes === 0 || this.#bytes + bytes > this.#maxBytes) return;
    this.#batches.set(batch, { headers, bytes });
    this.#bytes += bytes;
  }

  /** Hands over the headers of a batch, if they are here, and forgets them. */
  take(batch: string): HeadersByOffset | undefined {
    const kept = this.#batches.get(batch);
    if (!kept) return undefined;
    this.#batches.delete(batch);
    this.#bytes -= kept.bytes;
    return kept.headers;
  }
}

/** The bytes of one client, pulled by the scripted server when it wants them. */
import type { Socket } from 'node:net';

/** The client is gone. */
export class ClientGone extends Error {}

/** Reads lines and literals; keeps every byte for the record where asked to. */
export class ByteSource {
  /** Every byte so far, taken or not. */
  received = 0;
  readonly kept: Buffer[] = [];
  readonly #keep: boolean;
  #chunks: Buffer[] = [];
  #gone = false;
  #wake: (() => void) | undefined;
  readonly #socket: Socket;

  constructor(socket: Socket, options: { keep: boolean; stopAfter?: number | undefined; crawl?: boolean | undefined }) {
    this.#keep = options.keep;
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      if (this.#keep) this.kept.push(chunk);
      this.#chunks.push(chunk);
      this.#wake?.();
      if (options.stopAfter !== undefined && this.received >= options.stopAfter) socket.pause();
      if (options.crawl === true) {
        socket.pause();
        setImmediate(() => socket.resume());
      }
    });
    const onGone = () => {
      this.#gone = true;
      this.#wake?.();
    };
    socket.on('error', onGone);
    socket.on('close', onGone);
    socket.on('end', onGone);
  }

  /** In how many pieces the bytes after the first `count` came; only with `keep`. */
  chunksAfter(count: number): number {
    let seen = 0;
    return this.kept.filter((chunk) => {
      seen += chunk.length;
      return seen > count;
    }).length;
  }

  /** Lets go of the socket, for a TLS socket over it. */
  release(): void {
    this.#socket.removeAllListeners('data');
  }

  /** One line without its CRLF, each byte one character. */
  async line(): Promise<string> {
    const parts: Buffer[] = [];
    for (;;) {
      const chunk = await this.#next();
      const end = chunk.indexOf(0x0a);
      if (end === -1) {
        parts.push(chunk);
        continue;
      }
      parts.push(chunk.subarray(0, end));
      if (end + 1 < chunk.length) this.#chunks.unshift(chunk.subarray(end + 1));
      return Buffer.concat(parts).toString('latin1').replace(/\r$/, '');
    }
  }

  /** Exactly `count` bytes. */
  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0; ) {
      const chunk = await this.#next();
      const part = chunk.subarray(0, left);
      parts.push(part);
      left -= part.length;
      if (part.length < chunk.length) this.#chunks.unshift(chunk.subarray(part.length));
    }
    return Buffer.concat(parts);
  }

  async #next(): Promise<Buffer> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) return chunk;
      if (this.#gone) throw new ClientGone();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A command's words: atoms and strings as text, lists and everything odd as they stand. */
export function words(text: string): string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\((?:[^()]|\([^()]*\))*\))|([^\s]+)/g)].map(
    ([, quoted, list, atom]) => quoted?.replace(/\\(.)/g, '$1') ?? list ?? atom!,
  );
}

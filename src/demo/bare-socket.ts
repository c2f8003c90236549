/** A socket read by delimiter or by length: nothing of the code under test, so that a witness does not share its faults. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';

const crlf = Buffer.from('\r\n');

/** A connection to a port of 127.0.0.1. Its reads throw when the server closes it. */
export class BareSocket {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Connects. */
  static async connect(port: number): Promise<BareSocket> {
    const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new BareSocket(socket);
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** A line without its CRLF, as latin1. */
  async line(): Promise<string> {
    return (await this.until(crlf)).subarray(0, -2).toString('latin1');
  }

  /** Everything up to and with the delimiter. */
  async until(delimiter: Buffer): Promise<Buffer> {
    const parts: Buffer[] = [];
    let chunk = this.#held;
    for (;;) {
      const at = chunk.indexOf(delimiter);
      if (at !== -1) {
        this.#held = chunk.subarray(at + delimiter.length);
        return Buffer.concat([...parts, chunk.subarray(0, at + delimiter.length)]);
      }
      // The delimiter may begin at the end of this chunk.
      const settled = Math.max(0, chunk.length - delimiter.length + 1);
      parts.push(chunk.subarray(0, settled));
      chunk = Buffer.concat([chunk.subarray(settled), await this.#next()]);
    }
  }

  async exactly(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    for (;;) {
      const part = this.#held.subarray(0, missing);
      this.#held = this.#held.subarray(part.length);
      parts.push(part);
      missing -= part.length;
      if (missing === 0) return Buffer.concat(parts, length);
      this.#held = await this.#next();
    }
  }

  /** Puts bytes back, to be read again. */
  unread(bytes: Buffer): void {
    this.#held = Buffer.concat([bytes, this.#held]);
  }

  async #next(): Promise<Buffer> {
    const { value, done } = await this.#chunks.next();
    if (done) throw new Error('the server closed the connection');
    return value;
  }
}

/** Lines of a server's answer, bounded. */
import type { Duplex } from 'node:stream';
import { MailhaulError, printable } from '../../ground/errors.ts';

/** More than any greeting or list of capabilities has, in bytes. */
const maxBytes = 64 * 1024;

/** Reads CRLF lines off a socket. Not for mail. */
export class Lines {
  readonly #socket: Duplex;
  readonly #host: string;
  #text = '';
  #taken = 0;
  #ended: Error | undefined;
  #wake = () => {};

  constructor(socket: Duplex, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.on('data', this.#onData).on('error', this.#onEnd).on('close', this.#onEnd).on('end', this.#onEnd);
  }

  /** What was read and not asked for yet. */
  get rest(): string {
    return this.#text;
  }

  /**
   * The next line without its end.
   * @throws MailhaulError `connection-lost`, or `protocol-error` where the server says far too much
   */
  async next(during: string): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf('\n');
      if (end >= 0) {
        const line = this.#text.slice(0, end).replace(/\r$/, '');
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      if (this.#taken > maxBytes) throw this.wrong(during, 'an endless answer');
      if (this.#ended) throw new MailhaulError('connection-lost', { host: this.#host, during }, this.#ended);
      await new Promise<void>((resume) => {
        this.#wake = resume;
      });
    }
  }

  send(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  /** The error of a server that says what makes no sense here. */
  wrong(during: string, reply: string): MailhaulError {
    return new MailhaulError('protocol-error', { host: this.#host, during, reply: printable(reply, 120) });
  }

  /** Listens no more: the socket goes on with someone else. */
  leave(): void {
    this.#socket.off('data', this.#onData).off('close', this.#onEnd).off('end', this.#onEnd);
    this.#socket.pause();
  }

  readonly #onData = (piece: Buffer) => {
    this.#taken += piece.length;
    if (this.#taken > maxBytes) this.#socket.pause();
    else this.#text += piece.toString('latin1');
    this.#wake();
  };

  readonly #onEnd = (error?: Error) => {
    this.#ended ??= error instanceof Error ? error : new Error('the connection was closed');
    this.#wake();
  };
}

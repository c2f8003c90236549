/** One ordinary imapflow connection and the order in which it may be asked: what all questions about mailboxes stand on. */
import { MailhaulError } from '../ground/errors.ts';
import { commandError } from './classify-command.ts';
import { abortError, type ImapOptions, type OpenDoor } from './door.ts';
import { farewell } from './farewell.ts';

/** A connection for one question at a time. */
export class MailboxSession {
  readonly door: OpenDoor;
  readonly #options: ImapOptions;
  readonly #onAbort: () => void;
  #reading = false;
  #aborted: MailhaulError | undefined;

  constructor(door: OpenDoor, options: ImapOptions) {
    this.door = door;
    this.#options = options;
    this.#onAbort = () => {
      this.#aborted = abortError(options.signal!, door.peer);
      this.destroy();
    };
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted === true) this.#onAbort();
  }

  /** The same connection, which this signal ends from now on, and no other. */
  handedOn(signal: AbortSignal): MailboxSession {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    return new MailboxSession(this.door, { ...this.#options, signal });
  }

  get client(): OpenDoor['client'] {
    return this.door.client;
  }

  /** Asks the server; whatever fails is a MailhaulError by what was asked of which mailbox. */
  async ask<T>(during: string, mailbox: string, question: () => Promise<T>): Promise<T> {
    // imapflow would wait for the end of the listing, and the listing for its reader: a standstill
    if (this.#reading) throw new Error(`${during} was asked for while headers are being read`);
    try {
      return await question();
    } catch (thrown) {
      throw this.#failure(thrown, during, mailbox);
    }
  }

  /** Hands an answer on while it comes; until it ended nothing else may be asked. */
  async *read<T>(during: string, mailbox: string, items: () => AsyncIterable<T>): AsyncGenerator<T> {
    this.#reading = true;
    try {
      yield* items();
    } catch (thrown) {
      throw this.#failure(thrown, during, mailbox);
    } finally {
      this.#reading = false;
    }
  }

  /** Some commands of imapflow give `false` for a connection that broke under them. */
  assertConnected(): void {
    const { usable, byeReason } = this.client;
    if (!usable || byeReason !== undefined)
      throw Object.assign(new Error('closed'), { code: 'NoConnection', reason: byeReason });
  }

  /** The error of an answer that is none. */
  protocolError(during: string, reply: string): MailhaulError {
    return new MailhaulError('protocol-error', { ...this.door.peer, during, reply });
  }

  /** Says LOGOUT, and closes the socket whatever the server answers. Never throws. */
  async close(): Promise<void> {
    if (!this.client.isClosed) await farewell(this.client.logout(), this.#options.imapCommandTimeoutMs);
    this.destroy();
  }

  /** Closes the socket at once. */
  destroy(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.client.close();
  }

  #failure(thrown: unknown, during: string, mailbox: string): MailhaulError {
    if (this.#aborted !== undefined) return this.#aborted;
    return commandError(this.door, thrown, { during, mailbox, timeoutMs: this.#options.imapCommandTimeoutMs });
  }
}

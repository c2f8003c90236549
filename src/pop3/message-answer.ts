/** The answers that are due while messages are fetched: a message, and the NOOP between messages. */
import { type Answer, LineAnswer, type Status } from './answers.ts';
import type { PopConnection } from './connection.ts';
import { type PopRequest, type PopSink, weight } from './sink.ts';

/** Who fetches, and is told how far it is. */
export interface Fetcher {
  readonly connection: PopConnection;
  readonly sink: PopSink;
  /** Whether commands wait for their answers together. */
  readonly pipelining: boolean;
  /** An answer came: the message before it, if there is one, is whole. */
  confirm(): void | Promise<void>;
  /** The terminator of a message was seen. */
  ended(octets: number): void;
  /** An answer without a message is complete. */
  answered(octets: number): void;
}

/** Keeps the connection open, and confirms the message before. */
export class NoopAnswer extends LineAnswer {
  readonly #fetching: Fetcher;

  constructor(fetching: Fetcher) {
    super({ during: 'NOOP', answerMs: fetching.connection.options.popCommandTimeoutMs });
    this.#fetching = fetching;
  }

  override status(status: Status): void | Promise<void> {
    const wait = this.#fetching.confirm();
    return wait === undefined ? super.status(status) : wait.then(() => super.status(status));
  }
}

/**
 * What a message seems to hold when its terminator lacks the CRLF before it (Exchange 2000) and the next answer is taken
 * for the rest of it.
 */
const seams = ['.\r\n+OK', '.\r\n-ERR'].map((text) => Buffer.from(text));
const seamBytes = Math.max(...seams.map((seam) => seam.length)) - 1;

/** Passes one message on to the sink. */
export class MessageAnswer implements Answer {
  readonly multiline = true;
  readonly message = true;
  readonly continues = false;
  readonly answerMs: number;
  readonly silenceMs: number;
  pipelined = false;
  readonly #fetching: Fetcher;
  readonly #request: PopRequest;
  /** The last bytes of what came before. */
  #tail: Buffer = Buffer.alloc(0);

  constructor(fetching: Fetcher, request: PopRequest) {
    const { options } = fetching.connection;
    this.answerMs = options.popCommandTimeoutMs;
    this.silenceMs = options.popReadTimeoutMs;
    this.#fetching = fetching;
    this.#request = request;
  }

  get during(): string {
    return `message ${this.#request.number}`;
  }

  status(status: Status): void | Promise<void> {
    const confirmed = this.#fetching.confirm();
    return confirmed === undefined ? this.#begin(status) : confirmed.then(() => this.#begin(status));
  }

  #begin({ kind, line }: Status): void | Promise<void> {
    const { sink, connection } = this.#fetching;
    if (kind === 'ok') return sink.start(this.#request);
    return this.#refused(sink.refused(this.#request, connection.readable(line)));
  }

  data(chunk: Buffer): void | Promise<void> {
    if (this.#fetching.pipelining) this.#refuseSeam(chunk);
    return this.#fetching.sink.data(chunk);
  }

  // Such a line may stand in a message, and one command at a time does it no harm; taken for text of this message the
  // next answers would all go to the wrong ones.
  #refuseSeam(chunk: Buffer): void {
    const border = Buffer.concat([this.#tail, chunk.subarray(0, seamBytes)]);
    if (seams.some((seam) => chunk.includes(seam) || border.includes(seam))) {
      throw this.#fetching.connection.error('pipelining-broken');
    }
    this.#tail = chunk.length < seamBytes ? border.subarray(-seamBytes) : chunk.subarray(-seamBytes);
  }

  end(): void {
    this.#fetching.ended(weight(this.#request));
  }

  failed(): void {}

  #refused(wait: void | Promise<void>): void | Promise<void> {
    if (wait === undefined) return this.#fetching.answered(weight(this.#request));
    return wait.then(() => this.#fetching.answered(weight(this.#request)));
  }
}

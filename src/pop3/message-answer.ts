/** The answers that are due while messages are fetched: a message, and the NOOP between messages. */
import { type Answer, LineAnswer, type Status } from './answers.ts';
import type { PopConnection } from './connection.ts';
import { type PopRequest, type PopSink, weight } from './sink.ts';

/** Who fetches, and is told how far it is. */
export interface Fetcher {
  readonly connection: PopConnection;
  readonly sink: PopSink;
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
    super.status(status);
    return wait;
  }
}

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
    return this.#fetching.sink.data(chunk);
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

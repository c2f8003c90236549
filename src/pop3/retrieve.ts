/** Messages, streamed: RETR and TOP, several in flight where the server takes them. */
import type { Answer, Status } from './answers.ts';
import type { PopConnection } from './connection.ts';
import { Watchdog } from './watchdog.ts';

/** One message that is wanted. */
export interface PopRequest {
  /** Its number in this session. */
  number: number;
  /** Its listed size, 0 if none is known: it only decides how many are in flight. */
  octets: number;
  /** Fetch the header alone (TOP n 0). */
  headersOnly?: boolean;
}

/**
 * Takes the messages, strictly in the order of their requests: start, any number of data, end; or refused alone.
 * A promise that a call returns stops the stream until it settles, and its rejection ends the session.
 */
export interface PopSink {
  start(request: PopRequest): void | Promise<void>;
  /**
   * Bytes of the message, unstuffed, in slices of any size, the CRLF of the last line included. A chunk is not written
   * to again: whoever wants to keep it may.
   */
  data(chunk: Buffer): void | Promise<void>;
  /** The message is complete: its terminator was seen. */
  end(): void | Promise<void>;
  /** The server refuses this one; `reply` is its -ERR line, safe to show. */
  refused(request: PopRequest, reply: string): void | Promise<void>;
}

/** What a header is taken for when the octets in flight are added up. */
const headerOctets = 16384;

/**
 * Fetches what is asked for. A request is pulled only while there is room in flight, so that whoever makes them can
 * reserve space first; while the next one keeps an idle connection waiting, NOOP keeps it open.
 * Resolves when all were answered; rejects, with the connection dropped, on the first failure of any side.
 */
export function fetchMessages(
  connection: PopConnection,
  requests: AsyncIterable<PopRequest>,
  sink: PopSink,
  pipelining: boolean,
): Promise<void> {
  if (connection.failure !== undefined) return Promise.reject(connection.failure.error);
  return new Fetching(connection, requests, sink, pipelining).done;
}

class Fetching {
  readonly done: Promise<void>;
  readonly sink: PopSink;
  readonly connection: PopConnection;
  readonly #requests: AsyncIterator<PopRequest>;
  readonly #maxCommands: number;
  readonly #maxOctets: number;
  readonly #idle: Watchdog;
  #resolve!: () => void;
  #inFlight = 0;
  #octets = 0;
  #next: PopRequest | undefined;
  /** False from a full pipeline until half of it was answered: commands sent in groups wake the server less often. */
  #filling = true;
  #pulling = false;
  #exhausted = false;

  constructor(connection: PopConnection, requests: AsyncIterable<PopRequest>, sink: PopSink, pipelining: boolean) {
    const { popPipelineCommands, popPipelineMaxBytes } = connection.options;
    this.connection = connection;
    this.sink = sink;
    this.#requests = requests[Symbol.asyncIterator]();
    this.#maxCommands = pipelining ? popPipelineCommands : 1;
    this.#maxOctets = popPipelineMaxBytes;
    this.#idle = new Watchdog(() => this.#keepAlive());
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      connection.onFailure = (error) => {
        this.#leave();
        // The source of requests may be waiting for something that now never comes: it is told, not waited for.
        this.#requests.return?.().catch(() => {});
        reject(error);
      };
    });
    this.advance();
  }

  /** Sends and pulls what there is room for. */
  advance(): void {
    if (this.connection.failure !== undefined) return;
    const next = this.#next;
    if (next !== undefined && this.#fits(weight(next))) {
      this.#next = undefined;
      this.#send(next);
    }
    if (this.#next === undefined && !this.#exhausted && !this.#pulling && this.#fits(1)) this.#pull();
    if (this.#exhausted && this.#next === undefined && this.#inFlight === 0) this.#finish();
    else if (!this.#pulling || this.#inFlight > 0) this.#idle.stop();
    else if (this.#idle.limitMs === 0) this.#idle.start(this.connection.options.popNoopMs);
  }

  /** An answer is complete. */
  answered(octets: number): void {
    this.#inFlight -= 1;
    this.#octets -= octets;
    this.advance();
  }

  // One message is always let through, however large.
  #fits(octets: number): boolean {
    if (this.#inFlight <= this.#maxCommands / 2 && this.#octets <= this.#maxOctets / 2) this.#filling = true;
    if (this.#inFlight === 0) return true;
    const room = this.#inFlight < this.#maxCommands && this.#octets + octets <= this.#maxOctets;
    if (!room) this.#filling = false;
    return room && this.#filling;
  }

  #pull(): void {
    this.#pulling = true;
    this.#requests.next().then(
      (result) => {
        this.#pulling = false;
        if (result.done) this.#exhausted = true;
        else this.#next = result.value;
        this.advance();
      },
      (error: unknown) => this.connection.fail(error),
    );
  }

  #send(request: PopRequest): void {
    this.#inFlight += 1;
    this.#octets += weight(request);
    const command = request.headersOnly ? `TOP ${request.number} 0` : `RETR ${request.number}`;
    this.connection.send(command, new MessageAnswer(this, request));
  }

  // Nothing is in flight here, so the NOOP is never between the parts of a message.
  #keepAlive(): void {
    this.#inFlight += 1;
    const { popCommandTimeoutMs: answerMs } = this.connection.options;
    this.connection.command('NOOP', { during: 'NOOP', answerMs }).then(
      () => this.answered(0),
      () => {},
    );
  }

  #finish(): void {
    this.#leave();
    this.#resolve();
  }

  #leave(): void {
    this.#idle.close();
    this.connection.onFailure = undefined;
  }
}

/** Passes one message on to the sink. */
class MessageAnswer implements Answer {
  readonly multiline = true;
  readonly message = true;
  readonly continues = false;
  readonly answerMs: number;
  readonly silenceMs: number;
  pipelined = false;
  readonly #fetching: Fetching;
  readonly #request: PopRequest;

  constructor(fetching: Fetching, request: PopRequest) {
    const { options } = fetching.connection;
    this.answerMs = options.popCommandTimeoutMs;
    this.silenceMs = options.popReadTimeoutMs;
    this.#fetching = fetching;
    this.#request = request;
  }

  get during(): string {
    return `message ${this.#request.number}`;
  }

  status({ kind, line }: Status): void | Promise<void> {
    const { sink, connection } = this.#fetching;
    if (kind === 'ok') return sink.start(this.#request);
    return this.#complete(sink.refused(this.#request, connection.readable(line)));
  }

  data(chunk: Buffer): void | Promise<void> {
    return this.#fetching.sink.data(chunk);
  }

  end(): void | Promise<void> {
    return this.#complete(this.#fetching.sink.end());
  }

  failed(): void {}

  #complete(wait: void | Promise<void>): void | Promise<void> {
    if (wait === undefined) return this.#fetching.answered(weight(this.#request));
    return wait.then(() => this.#fetching.answered(weight(this.#request)));
  }
}

function weight({ octets, headersOnly }: PopRequest): number {
  return headersOnly ? Math.min(octets, headerOctets) : octets;
}

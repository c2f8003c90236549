/** Messages, streamed: RETR and TOP, several in flight where the server takes them. */
import { MailhaulError } from '../ground/errors.ts';
import type { PopConnection } from './connection.ts';
import { type Fetcher, MessageAnswer, NoopAnswer } from './message-answer.ts';
import { type PopRequest, type PopSink, weight } from './sink.ts';
import { Watchdog } from './watchdog.ts';

/** A message waits this long for the answer of the next one to confirm its end; then that of a NOOP does. */
const confirmMs = 100;

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

class Fetching implements Fetcher {
  readonly done: Promise<void>;
  readonly sink: PopSink;
  readonly pipelining: boolean;
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
  /** The end of a message was seen, and what comes behind it is not known yet. */
  #unconfirmed = false;
  /** The NOOP that confirms the last message was sent. */
  #asked = false;

  constructor(connection: PopConnection, requests: AsyncIterable<PopRequest>, sink: PopSink, pipelining: boolean) {
    const { popPipelineCommands, popPipelineMaxBytes } = connection.options;
    this.connection = connection;
    this.sink = sink;
    this.pipelining = pipelining;
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
        this.#confirmUnless(error).then(
          () => reject(error),
          () => reject(error),
        );
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
    if (this.#exhausted && this.#next === undefined) this.#close();
    else if (!this.#pulling || this.#inFlight > 0) this.#idle.stop();
    else if (this.#idle.limitMs === 0) {
      const { popNoopMs } = this.connection.options;
      this.#idle.start(this.#unconfirmed ? Math.min(confirmMs, popNoopMs) : popNoopMs);
    }
  }

  /** The terminator of a message was seen; its end is told when an answer comes behind it. */
  ended(octets: number): void {
    this.#unconfirmed = true;
    this.answered(octets);
  }

  /** What came behind the last message is an answer: the message is whole. */
  confirm(): void | Promise<void> {
    if (!this.#unconfirmed) return;
    this.#unconfirmed = false;
    return this.sink.end();
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

  // Nothing is pulled while it is in flight alone, so a NOOP is never between the parts of a message.
  #keepAlive(): void {
    this.#inFlight += 1;
    const answer = new NoopAnswer(this);
    this.connection.send('NOOP', answer);
    answer.reply.then(
      () => this.answered(0),
      () => {},
    );
  }

  // Where commands may wait for their answers, the NOOP behind the last message costs no round trip.
  #close(): void {
    this.#idle.stop();
    const open = this.#inFlight > 0;
    if (!this.#asked && (open ? this.pipelining : this.#unconfirmed)) {
      this.#asked = true;
      this.#keepAlive();
    } else if (!open) {
      this.#leave();
      this.#resolve();
    }
  }

  /** Where the connection failed and nothing came behind the last message, it is whole; where text came, it is not. */
  async #confirmUnless(error: unknown): Promise<void> {
    const disorder = error instanceof MailhaulError && disorders.has(error.code);
    if (!disorder) await this.confirm();
  }

  #leave(): void {
    this.#idle.close();
    this.connection.onFailure = undefined;
  }
}

const disorders: ReadonlySet<string> = new Set(['protocol-error', 'pipelining-broken']);

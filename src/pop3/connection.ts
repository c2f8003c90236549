/** One connection: sends commands, hands every answer to whom it is due, and watches the clock. */
import type { Socket } from 'node:net';
import { type ErrorCode, type ErrorDetails, MailhaulError } from '../ground/errors.ts';
import { tlsError } from '../transport/tls.ts';
import { type Answer, type Expectation, LineAnswer, type Status, statusKind } from './answers.ts';
import { DueAnswers, type Fault } from './due.ts';
import type { PopEndpoint, PopOptions } from './endpoint.ts';
import { type FramePart, Framing } from './framing.ts';
import { Outbox } from './outbox.ts';
import { PopTrace } from './pop-trace.ts';
import { Redaction } from './redaction.ts';
import { openSocket, startTls } from './socket.ts';
import { Watchdog } from './watchdog.ts';

/** A connected socket with the answers that are due on it, in the order of their commands. */
export class PopConnection {
  /** Told once when the connection fails or is destroyed, before any answer is. */
  onFailure: ((error: unknown) => void) | undefined;
  readonly endpoint: PopEndpoint;
  readonly options: PopOptions;
  /** Knows what no error may repeat. */
  readonly redaction = new Redaction();
  #socket: Socket;
  #framing: Framing;
  readonly #due: DueAnswers;
  readonly #watchdog = new Watchdog(() => this.fail(this.#fault(this.#due.silent())));
  readonly #trace: PopTrace | undefined;
  readonly #outbox = new Outbox((text) => {
    if (this.#failure === undefined) this.#socket.write(text);
  });
  #held = false;
  #stash: Buffer | undefined;
  #ended = false;
  #failure: { error: unknown } | undefined;

  private constructor(endpoint: PopEndpoint, options: PopOptions, socket: Socket) {
    this.endpoint = endpoint;
    this.options = options;
    this.#socket = socket;
    this.#trace = PopTrace.of(endpoint, this.redaction);
    this.#framing = new Framing(options.popStatusLineMaxBytes);
    this.#due = new DueAnswers(options.popSlowestBytesPerSecond);
    this.#listen();
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    // A stop in the very turn in which the socket opened is told by no event.
    if (options.signal?.aborted) this.#onAbort();
  }

  /** Connects; the greeting is the first answer and is due to the caller's `expect`. */
  static async open(endpoint: PopEndpoint, options: PopOptions): Promise<PopConnection> {
    return new PopConnection(endpoint, options, await openSocket(endpoint, options));
  }

  /** Bytes that arrived and are not part of any answer yet. */
  get unread(): number {
    return this.#framing.unread + (this.#stash?.length ?? 0) + this.#socket.readableLength;
  }

  /** A status line as text that is safe to show. */
  readable(line: Buffer): string {
    return this.redaction.readable(line);
  }

  /** An error about this connection, with its host. */
  error(code: ErrorCode, details: ErrorDetails = {}): MailhaulError {
    const { host, port, user } = this.endpoint;
    return new MailhaulError(code, { host, port, user, ...details });
  }

  /** Waits for an answer without a command: the greeting. */
  expect(answer: Answer): void {
    if (this.#failure !== undefined) answer.failed(this.#failure.error);
    else if (this.#due.add(answer) === 1) this.#watch();
  }

  /** Sends a command line. */
  send(command: string, answer: Answer): void {
    if (this.#failure === undefined) {
      this.#outbox.add(command);
      this.#trace?.sent(command);
    }
    this.expect(answer);
  }

  /** Sends a command with a one-line answer and waits for it. */
  command(command: string, expected: Expectation): Promise<Status> {
    const answer = new LineAnswer(expected);
    this.send(command, answer);
    return answer.reply;
  }

  /** Goes on in TLS on the same socket. Nothing may be unread or due. */
  async upgrade(): Promise<void> {
    const plain = this.#socket;
    plain.off('data', this.#onData).off('end', this.#onOver).off('close', this.#onOver).pause();
    try {
      this.#socket = await startTls(plain, this.endpoint, this.options);
    } catch (error) {
      this.fail(error);
      throw error;
    }
    this.#framing = new Framing(this.options.popStatusLineMaxBytes);
    this.#listen();
  }

  /** Drops the connection; everything that is due fails with the error. Only the first call counts. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#watchdog.close();
    this.options.signal?.removeEventListener('abort', this.#onAbort);
    this.#socket.destroy();
    this.#stash = undefined;
    this.onFailure?.(error);
    for (const answer of this.#due.drop()) answer.failed(error);
  }

  /** Why the connection is gone, if it is. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  readonly #onAbort = (): void => this.fail(this.options.signal?.reason);

  readonly #onData = (chunk: Buffer): void => this.#received(chunk);

  // 'close' follows an error and says the same; but a server may end TLS after the handshake, when it has seen that the
  // client shows no certificate (RFC 8446 §4.4.2.4).
  readonly #onError = (error: NodeJS.ErrnoException): void => {
    const meaning = tlsError(this.endpoint, error);
    if (meaning.code === 'tls-client-refused') this.fail(meaning);
  };

  readonly #onOver = (): void => {
    this.#ended = true;
    if (!this.#held) this.fail(this.#fault(this.#due.lost()));
  };

  #listen(): void {
    this.#socket.on('data', this.#onData).on('error', this.#onError).on('end', this.#onOver).on('close', this.#onOver);
  }

  #received(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    if (this.#held) {
      // Only now does the pause cost anything: a consumer that settles before the next bytes come never stops the socket.
      this.#socket.pause();
      this.#stash = this.#stash === undefined ? chunk : Buffer.concat([this.#stash, chunk]);
      return;
    }
    this.#due.received(chunk.length);
    this.#framing.push(chunk);
    this.#pump();
  }

  // Hands out parts until the bytes are used up or a consumer asks for time.
  #pump(): void {
    while (this.#failure === undefined) {
      const part = this.#framing.next();
      if (part === 'more') {
        if (this.#stash === undefined) break;
        this.#framing.push(this.#stash);
        this.#stash = undefined;
        continue;
      }
      const answer = this.#due.head;
      try {
        const wait = this.#deliver(part);
        if (wait === undefined) continue;
        this.#hold(wait, answer);
        return;
      } catch (error) {
        this.#failWith(error, answer);
      }
    }
    this.#drained();
  }

  #drained(): void {
    if (this.#failure !== undefined) return;
    if (this.#ended) {
      this.fail(this.#fault(this.#due.lost()));
      return;
    }
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#watch();
  }

  // The answer that was being read may be off the queue already.
  #failWith(error: unknown, answer: Answer | undefined): void {
    this.fail(error);
    answer?.failed(error);
  }

  #hold(wait: Promise<void>, answer: Answer | undefined): void {
    this.#held = true;
    this.#watchdog.stop();
    wait.then(
      () => {
        this.#held = false;
        this.#pump();
      },
      (error: unknown) => this.#failWith(error, answer),
    );
  }

  #deliver(part: Exclude<FramePart, 'more'>): void | Promise<void> {
    const answer = this.#due.head;
    switch (part) {
      case 'data':
        this.#trace?.body(this.#framing.data.length);
        return answer!.data(this.#framing.data);
      case 'end':
        this.#due.bodyRead();
        this.#trace?.end(answer);
        return answer!.end();
      case 'overlong':
        throw this.#fault(this.#due.disorder(`a line of more than ${this.options.popStatusLineMaxBytes} bytes`));
      case 'line':
        return this.#status(answer, this.#framing.line);
    }
  }

  #status(answer: Answer | undefined, line: Buffer): void | Promise<void> {
    const kind = statusKind(line);
    this.#trace?.status(kind, line);
    if (answer === undefined && kind === 'error') {
      // A farewell nobody asked for, such as an autologout (RFC 1939 §3).
      throw this.error('connection-lost', { during: `a pause, saying ${this.readable(line)}` });
    }
    if (answer === undefined || kind === undefined || (kind === 'continue' && !answer.continues)) {
      throw this.#fault(this.#due.disorder(this.readable(line)));
    }
    const bodyFollows = answer.multiline && kind === 'ok';
    if (bodyFollows) this.#framing.expectBody();
    this.#due.statusRead(bodyFollows);
    return answer.status({ kind, line });
  }

  #fault({ code, details }: Fault): MailhaulError {
    return this.error(code, details);
  }

  #watch(): void {
    const { limitMs } = this.#due;
    if (limitMs === 0) this.#watchdog.stop();
    else if (this.#due.moved() || this.#watchdog.limitMs === 0) this.#watchdog.start(limitMs);
  }
}

/** What a connection expects back for each command it sent. */
import type { MailhaulError } from '../ground/errors.ts';

/** How a status line begins: `+OK`, `-ERR`, or `+` alone (RFC 5034 §4: the server waits for more of a login). */
export type StatusKind = 'ok' | 'error' | 'continue';

/** A status line, undecoded. */
export interface Status {
  kind: StatusKind;
  line: Buffer;
}

/**
 * One answer that is due. The connection calls the functions in the order of the stream; a promise that one of them
 * returns holds everything behind it back.
 */
export interface Answer {
  /** What an error names as the thing that was going on. */
  readonly during: string;
  /** Whether +OK is followed by lines up to a lone dot. */
  readonly multiline: boolean;
  /** Whether the lines are a message, so that a cut in them is `message-cut`. */
  readonly message: boolean;
  /** Whether `+` alone is an answer. */
  readonly continues: boolean;
  /** How long the server may take for the status line, in milliseconds. */
  readonly answerMs: number;
  /** How long the server may be silent in mid-answer, in milliseconds. */
  readonly silenceMs: number;
  /** Set by the connection: the command was sent while another was unanswered. */
  pipelined?: boolean;
  status(status: Status): void | Promise<void>;
  /** Unstuffed bytes, valid until the call, or the promise it returned, is over. */
  data(chunk: Buffer): void | Promise<void>;
  end(): void | Promise<void>;
  /** The connection is gone and the answer will not come. */
  failed(error: unknown): void;
}

/** Whether a line is an answer at all, and which. RFC 1939 §3 has `+OK` and `-ERR` in upper case and nothing else. */
export function statusKind(line: Buffer): StatusKind | undefined {
  const first = line[0];
  if (first === 43) {
    if (line[1] === 79 && line[2] === 75) return 'ok';
    // Some servers say +ERR: no login may be taken for a broken protocol, and be tried again and again.
    if (line[1] === 69 && line[2] === 82 && line[3] === 82) return 'error';
    return line.length === 1 || line[1] === 32 ? 'continue' : undefined;
  }
  if (first !== 45) return undefined;
  return line[1] === 69 && line[2] === 82 && line[3] === 82 ? 'error' : undefined;
}

/** What a command may need beside its text. */
export interface Expectation {
  during: string;
  answerMs: number;
  continues?: boolean;
}

/** Gets a one-line answer as a promise. */
export class LineAnswer implements Answer {
  readonly multiline: boolean = false;
  readonly message = false;
  readonly during: string;
  readonly continues: boolean;
  readonly answerMs: number;
  readonly silenceMs: number;
  readonly reply: Promise<Status>;
  protected resolve!: (status: Status) => void;
  protected reject!: (error: unknown) => void;

  constructor(expected: Expectation, silenceMs = expected.answerMs) {
    this.during = expected.during;
    this.continues = expected.continues ?? false;
    this.answerMs = expected.answerMs;
    this.silenceMs = silenceMs;
    this.reply = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  status(status: Status): void {
    this.resolve(status);
  }

  data(_chunk: Buffer): void {}

  end(): void {}

  failed(error: unknown): void {
    this.reject(error);
  }
}

/** Gets a multi-line answer whole, up to a cap. Not for messages: those stream. */
export class BodyAnswer extends LineAnswer {
  override readonly multiline = true;
  readonly #maxBytes: number;
  readonly #tooLong: () => MailhaulError;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #status: Status | undefined;

  /** @param tooLong the error for an answer of more than `maxBytes` */
  constructor(expected: Expectation, silenceMs: number, maxBytes: number, tooLong: () => MailhaulError) {
    super(expected, silenceMs);
    this.#maxBytes = maxBytes;
    this.#tooLong = tooLong;
  }

  /** The lines of the answer, CRLFs included; empty after -ERR. Settles with `reply`. */
  get body(): Buffer {
    return this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#length);
  }

  override status(status: Status): void {
    if (status.kind === 'ok') this.#status = status;
    else this.resolve(status);
  }

  override data(chunk: Buffer): void {
    this.#length += chunk.length;
    if (this.#length > this.#maxBytes) throw this.#tooLong();
    this.#chunks.push(chunk);
  }

  override end(): void {
    this.resolve(this.#status!);
  }
}

/** The answers that are due on a connection, and what it means when the next one does not come as it should. */
import type { ErrorCode, ErrorDetails } from '../ground/errors.ts';
import type { Answer } from './answers.ts';
import { seconds } from './endpoint.ts';

/** What went wrong, in the words of the error table; the connection adds its host. */
export interface Fault {
  code: ErrorCode;
  details: ErrorDetails;
}

/** A queue of answers in the order of their commands. */
export class DueAnswers {
  readonly #answers: Answer[] = [];
  #inBody = false;
  #pipelined = false;
  #pipeliningWorks = false;
  readonly #slowestBytesPerSecond: number;
  /** Something else is waited for than at the last look at the clock. */
  #changed = false;
  /** Bytes that came since then. */
  #bytes = 0;

  /** @param slowestBytesPerSecond what a server must give in mid-answer, over its limit of silence; 0 for anything */
  constructor(slowestBytesPerSecond: number) {
    this.#slowestBytesPerSecond = slowestBytesPerSecond;
  }

  /** The answer that comes next, or is being read. */
  get head(): Answer | undefined {
    return this.#answers[0];
  }

  /** How many are due. */
  get length(): number {
    return this.#answers.length;
  }

  /** How long the server may be silent now, in milliseconds; 0 when nothing is due. */
  get limitMs(): number {
    const { head } = this;
    if (head === undefined) return 0;
    return this.#inBody ? head.silenceMs : head.answerMs;
  }

  /** Adds the answer to a command, or to the connection itself, and tells how many are due. */
  add(answer: Answer): number {
    answer.pipelined = this.#answers.length > 0;
    this.#pipelined ||= answer.pipelined;
    this.#changed ||= this.#answers.length === 0;
    this.#answers.push(answer);
    return this.#answers.length;
  }

  /** The status line of the head was read; its body follows, or it is done. */
  statusRead(bodyFollows: boolean): void {
    this.#pipeliningWorks ||= this.head?.pipelined === true;
    this.#inBody = bodyFollows;
    this.#changed = true;
    if (!bodyFollows) this.#answers.shift();
  }

  /** The body of the head was read. */
  bodyRead(): void {
    this.#inBody = false;
    this.#changed = true;
    this.#answers.shift();
  }

  /** Bytes came. */
  received(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Whether the server got far enough to be given the whole limit anew: one byte now and then is not far. */
  moved(): boolean {
    const least = this.#inBody ? (this.#slowestBytesPerSecond * this.limitMs) / 1000 : 0;
    if (!this.#changed && this.#bytes < least) return false;
    this.#changed = false;
    this.#bytes = 0;
    return true;
  }

  /** Takes all that are due. */
  drop(): Answer[] {
    return this.#answers.splice(0);
  }

  /** What came is no answer. Where several were asked for together, a mix-up is the likeliest cause. */
  disorder(reply: string): Fault {
    if (this.#pipelined) return { code: 'pipelining-broken', details: {} };
    return { code: 'protocol-error', details: { during: this.#during, reply } };
  }

  /** The connection ended. */
  lost(): Fault {
    const code = this.#inBody && this.head?.message ? 'message-cut' : 'connection-lost';
    return { code, details: { during: this.#during } };
  }

  /** Nothing came for as long as the limit. */
  silent(): Fault {
    // A server that throws away what it reads behind a command answers the first and then none.
    if (this.head?.pipelined && !this.#pipeliningWorks) return { code: 'pipelining-broken', details: {} };
    const during = this.#bytes > 0 ? `${this.#during} but for ${this.#bytes} bytes` : this.#during;
    return { code: 'server-silent', details: { during, seconds: seconds(this.limitMs) } };
  }

  get #during(): string {
    return this.head?.during ?? 'a pause';
  }
}

/** Message-IDs and subjects by number, so that a fault can be named: packed, about 10 bytes a message besides the text. */
import { printable } from '../ground/errors.ts';

const messageIdMaxLength = 200;
const subjectMaxLength = 80;
const between = '\0';

/** How people find a message again; empty where unknown. Safe to print. */
export interface Names {
  readonly messageId: string;
  readonly subject: string;
}

/** The names of a fixed number of messages. */
export class NameStore {
  readonly #from: Float64Array;
  readonly #length: Uint16Array;
  #text: Buffer = Buffer.alloc(0);
  #used = 0;

  constructor(messages: number) {
    this.#from = new Float64Array(messages);
    this.#length = new Uint16Array(messages);
  }

  /** Sets the names of a message; long ones are cut. */
  set(message: number, names: Names): void {
    const messageId = printable(names.messageId, messageIdMaxLength);
    const bytes = Buffer.from(messageId + between + printable(names.subject, subjectMaxLength));
    if (this.#used + bytes.length > this.#text.length) {
      this.#text = Buffer.concat(
        [this.#text],
        Math.ceil(Math.max(65536, this.#text.length * 1.5, this.#used + bytes.length)),
      );
    }
    bytes.copy(this.#text, this.#used);
    this.#from[message] = this.#used;
    this.#length[message] = bytes.length;
    this.#used += bytes.length;
  }

  get(message: number): Names {
    const from = this.#from[message]!;
    const text = this.#text.toString('utf8', from, from + this.#length[message]!);
    const [messageId = '', subject = ''] = text.split(between);
    return { messageId, subject };
  }
}

/** Gathers what is sent in one turn of the event loop, so that it leaves in one write. */
export class Outbox {
  readonly #write: (text: string) => void;
  #text = '';

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Adds a line. */
  add(line: string): void {
    if (this.#text === '') setImmediate(() => this.#flush());
    this.#text += `${line}\r\n`;
  }

  #flush(): void {
    const text = this.#text;
    this.#text = '';
    this.#write(text);
  }
}

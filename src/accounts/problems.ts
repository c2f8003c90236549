/** What is wrong with an account list: counted without end, kept up to a limit. */
import { MailhaulError, printable } from '../ground/errors.ts';

const kept = 50;

/** Collects the mistakes of one list, so that all are reported at once. */
export class Problems {
  readonly #texts: string[] = [];
  #wrongLines = 0;
  #dropped = 0;
  #lastPlace = '';

  /** Notes a mistake; `place` is `line 7`, or `defaults`. Mistakes of one place must follow each other. */
  add(place: string, text: string): void {
    if (place !== this.#lastPlace) this.#wrongLines++;
    this.#lastPlace = place;
    if (this.#texts.length < kept) this.#texts.push(`${place}: ${text}`);
    else this.#dropped++;
  }

  /** How many mistakes were noted so far. */
  get noted(): number {
    return this.#texts.length + this.#dropped;
  }

  /** `list-invalid` if anything was noted; `reason` has one mistake a line. */
  error(path: string): MailhaulError | undefined {
    if (this.#wrongLines === 0) return undefined;
    const rest = this.#dropped > 0 ? [`and ${this.#dropped} more`] : [];
    const reason = [...this.#texts, ...rest].join(';\n');
    return new MailhaulError('list-invalid', { path: printable(path), count: this.#wrongLines, reason });
  }
}

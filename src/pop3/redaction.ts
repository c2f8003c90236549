/** Keeps secrets out of what a server's words end up in: some servers repeat the command they refuse. */
import { printable } from '../ground/errors.ts';

/** Turns lines of a server into text that may be shown. */
export class Redaction {
  /** Told of everything that is concealed. */
  onConceal: ((secrets: readonly string[]) => void) | undefined;
  readonly #secrets: string[] = [];

  /** Adds words that are never shown. */
  conceal(...secrets: string[]): void {
    this.#secrets.push(...secrets.filter((secret) => secret !== ''));
    this.onConceal?.(secrets);
    // A secret that holds another goes first, or its rest would stay.
    this.#secrets.sort((a, b) => b.length - a.length);
  }

  /** A line without control characters and without secrets. */
  readable(line: Buffer): string {
    let text = line.toString();
    for (const secret of this.#secrets) text = text.replaceAll(secret, '***');
    return printable(text);
  }
}

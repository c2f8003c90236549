/**
 * The canonical form in which contents are compared (design §8): CR*LF and LF as CRLF, NUL as 0x80, no final CRLF.
 * It undoes what Dovecot does to a message it stores, and nothing else.
 */
import { createHash } from 'node:crypto';
import { headerEnd } from './header.ts';

const CR = 13;
const LF = 10;

/**
 * SHA-256 of the canonical form of a message's body, that is of what follows the header; of all of it where no empty
 * line ends one. Headers are left out because
 * one message delivered to two servers differs in its Received lines.
 */
export async function bodyDigest(message: AsyncIterable<Buffer>): Promise<Buffer> {
  const hash = createHash('sha256');
  const canonical = new Canonical((bytes) => hash.update(bytes));
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of message) {
    if (!head) {
      canonical.push(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < headMaxBytes && headerEnd(head) === -1) continue;
    const end = headerEnd(head.subarray(0, headMaxBytes));
    canonical.push(head.subarray(end === -1 ? 0 : end));
    head = undefined;
  }
  // No empty line: nothing says where a header would end, so all of it counts.
  if (head) canonical.push(head);
  canonical.end();
  return hash.digest();
}

/** A message whose header is longer than this is compared whole. */
const headMaxBytes = 4 * 1024 * 1024;

/** Turns bytes into their canonical form, whatever the cuts between the chunks. */
export class Canonical {
  readonly #emit: (bytes: Buffer) => void;
  /** CRs whose LF has not come yet. */
  #returns = 0;
  /** A CRLF that is only written when something follows it, since the final one does not count. */
  #owed = false;

  constructor(emit: (bytes: Buffer) => void) {
    this.#emit = emit;
  }

  push(chunk: Buffer): void {
    const out = Buffer.allocUnsafe(chunk.length * 2 + this.#returns + 2);
    let length = 0;
    const owe = () => {
      if (this.#owed) {
        out[length++] = CR;
        out[length++] = LF;
        this.#owed = false;
      }
    };
    for (const byte of chunk) {
      if (byte === CR) {
        this.#returns += 1;
      } else if (byte === LF) {
        owe();
        this.#returns = 0;
        this.#owed = true;
      } else {
        owe();
        for (; this.#returns > 0; this.#returns -= 1) out[length++] = CR;
        out[length++] = byte === 0 ? 0x80 : byte;
      }
    }
    this.#emit(out.subarray(0, length));
  }

  /** Nothing follows: bare CRs at the end are bytes of their own, the final CRLF is left out. */
  end(): void {
    if (this.#returns > 0 && this.#owed) this.#emit(Buffer.from('\r\n'));
    this.#emit(Buffer.alloc(this.#returns, CR));
    this.#returns = 0;
  }
}

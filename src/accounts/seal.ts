/** Sealing: passwords of the imported list lie in Redis as AES-256-GCM ciphertext, each bound to its place. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { MailhaulError } from '../ground/errors.ts';

const cipher = 'aes-256-gcm';
/** First byte of a sealed value: which layout the rest has. */
const layout = 1;
/** NIST SP 800-38D §8.2.2: a random nonce has 96 bits, and one key seals at most 2^32 values. */
const nonceBytes = 12;
const tagBytes = 16;

/** Bytes of a key. */
export const sealKeyBytes = 32;

/** Where a sealed value belongs: anywhere else it does not open. */
export interface SealedPlace {
  /** Key of the account. */
  readonly account: string;
  /** Column of the account list. */
  readonly column: string;
  /** What else the value is meant for, such as the server that gets it; empty for nothing. */
  readonly purpose: string;
}

/** Seals and opens with one key. However it is printed, the key is not shown. */
export class Seal {
  readonly #key: Buffer;

  /** `key` has 32 bytes. */
  constructor(key: Buffer) {
    this.#key = key;
  }

  /** The text as base64 of: layout, nonce, ciphertext, tag. Two seals of one text differ. */
  seal(text: string, place: SealedPlace): string {
    const nonce = randomBytes(nonceBytes);
    const sealing = createCipheriv(cipher, this.#key, nonce, { authTagLength: tagBytes });
    sealing.setAAD(boundTo(place));
    const body = Buffer.concat([sealing.update(text, 'utf8'), sealing.final()]);
    return Buffer.concat([Buffer.of(layout), nonce, body, sealing.getAuthTag()]).toString('base64');
  }

  /** The text again. Throws `seal-broken` for a value that was changed, moved, or sealed with another key. */
  open(sealed: string, place: SealedPlace): string {
    try {
      return this.#open(Buffer.from(sealed, 'base64'), sealed, place);
    } catch {
      // Without the cause: what OpenSSL says helps nobody.
      const { account, column } = place;
      throw new MailhaulError('seal-broken', { what: column, account });
    }
  }

  #open(bytes: Buffer, sealed: string, place: SealedPlace): string {
    // Base64 leaves bits unused: only the one spelling that `seal` gives is taken.
    if (bytes[0] !== layout || bytes.toString('base64') !== sealed) throw new Error('not a sealed value');
    const nonce = bytes.subarray(1, 1 + nonceBytes);
    const opening = createDecipheriv(cipher, this.#key, nonce, { authTagLength: tagBytes });
    opening.setAAD(boundTo(place));
    opening.setAuthTag(bytes.subarray(-tagBytes));
    const body = bytes.subarray(1 + nonceBytes, -tagBytes);
    return Buffer.concat([opening.update(body), opening.final()]).toString('utf8');
  }
}

/** The additional data. As JSON the parts cannot run into each other. */
function boundTo({ account, column, purpose }: SealedPlace): Buffer {
  return Buffer.from(JSON.stringify(['mailhaul', layout, account, column, purpose]));
}

/** Digests of several values at once, so that ("ab", "c") and ("a", "bc") differ. */
import { createHash } from 'node:crypto';

/** SHA-256 over the parts, each preceded by its length; the first `bytes` bytes of it. */
export function digest(bytes: number, ...parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha256');
  const length = Buffer.alloc(4);
  for (const part of parts) {
    const data = typeof part === 'string' ? Buffer.from(part, 'utf8') : part;
    length.writeUInt32BE(data.length);
    hash.update(length).update(data);
  }
  return hash.digest().subarray(0, bytes);
}

/** The same as lower-case hexadecimal digits, two a byte. */
export function hexDigest(bytes: number, ...parts: readonly (string | Buffer)[]): string {
  return digest(bytes, ...parts).toString('hex');
}

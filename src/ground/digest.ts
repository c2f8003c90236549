/** Digests of several values at once, so that ("ab", "c") and ("a", "bc") differ. */
import { hash } from 'node:crypto';

const lengthBytes = 4;

/** SHA-256 over the parts, each preceded by its length; the first `bytes` bytes of it. */
export function digest(bytes: number, ...parts: readonly (string | Buffer)[]): Buffer {
  let size = 0;
  for (const part of parts) size += lengthBytes + Buffer.byteLength(part);
  // One piece and one call: feeding a hash piece by piece costs more than hashing so few bytes.
  const joined = Buffer.allocUnsafe(size);
  let at = 0;
  for (const part of parts) {
    const length =
      typeof part === 'string' ? joined.write(part, at + lengthBytes) : part.copy(joined, at + lengthBytes);
    joined.writeUInt32BE(length, at);
    at += lengthBytes + length;
  }
  return hash('sha256', joined, 'buffer').subarray(0, bytes);
}

/** The same as lower-case hexadecimal digits, two a byte. */
export function hexDigest(bytes: number, ...parts: readonly (string | Buffer)[]): string {
  return digest(bytes, ...parts).toString('hex');
}

/** Digests of several values at once, so that ("ab", "c") and ("a", "bc") differ. */
import { hash } from 'node:crypto';

const lengthBytes = 4;
/** Where the parts are put together when they are short, as those of each message of a listing are. */
const room = Buffer.alloc(512);
/** The beginnings of that, by their lengths: making one takes as long as half a digest. */
const roomOf: Buffer[] = Array.from({ length: room.length + 1 }, (_, length) => room.subarray(0, length));

/** SHA-256 over the parts, each preceded by its length; the first `bytes` bytes of it. */
export function digest(bytes: number, ...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.from(digestText(parts).slice(0, bytes), 'latin1');
}

/** The same as lower-case hexadecimal digits, two a byte. */
export function hexDigest(bytes: number, ...parts: readonly (string | Buffer)[]): string {
  return digest(bytes, ...parts).toString('hex');
}

/** The same at a place of a buffer: where there are many of them, they need not be a buffer each. */
export function writeDigest(to: Buffer, at: number, bytes: number, ...parts: readonly (string | Buffer)[]): void {
  to.write(digestText(parts), at, bytes, 'latin1');
}

/** The whole digest with a character for each byte, which the engine makes several times as fast as a buffer. */
function digestText(parts: readonly (string | Buffer)[]): string {
  let total = 0;
  for (const part of parts) total += lengthBytes + Buffer.byteLength(part);
  const all = roomOf[total] ?? Buffer.allocUnsafe(total);
  let at = 0;
  for (const part of parts) {
    at += lengthBytes;
    const length = typeof part === 'string' ? all.write(part, at, 'utf8') : part.copy(all, at);
    all.writeUInt32BE(length, at - lengthBytes);
    at += length;
  }
  return hash('sha256', all, 'binary');
}

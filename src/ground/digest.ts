/** Digests of several values at once, so that ("ab", "c") and ("a", "bc") differ. */
import { hash } from 'node:crypto';

const lengthBytes = 4;
/** Most bytes of a part that is put together with others in room that was made before. */
const roomBytes = 512;
/** Where the parts are put together when they are short, as those of each message are. */
const room = Buffer.alloc(roomBytes);
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

/** Writes a digest at a place of a buffer: of what stands between two places of another one. */
export type WriteDigest = (to: Buffer, at: number, last: Buffer, from: number, end: number) => void;

/**
 * The same digests of two parts, the first of which is always the same: where there are very many of them, as of the
 * messages of a listing, nothing is made for one but the digest.
 */
export function digestsBehind(bytes: number, first: string): WriteDigest {
  const head = 2 * lengthBytes + Buffer.byteLength(first);
  const together = Buffer.alloc(head + roomBytes);
  together.writeUInt32BE(together.write(first, lengthBytes));
  // Its beginnings, by the length of the last part: making one takes as long as half a digest.
  const beginnings = Array.from({ length: roomBytes + 1 }, (_, length) => together.subarray(0, head + length));
  return (to, at, last, from, end) => {
    const length = end - from;
    let text: string;
    if (length > roomBytes) text = digestText([first, last.subarray(from, end)]);
    else {
      together[head - 2] = length >> 8;
      together[head - 1] = length & 255;
      // Calling out of the language to copy so few bytes takes longer.
      for (let i = 0; i < length; i += 1) together[head + i] = last[from + i]!;
      text = hash('sha256', beginnings[length]!, 'binary');
    }
    for (let i = 0; i < bytes; i += 1) to[at + i] = text.charCodeAt(i);
  };
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

/** Writing many pieces at one place of a file. */
import { writevSync } from 'node:fs';

/**
 * Hands the pieces to the system, which keeps them in memory until they are made durable: so there is nothing to wait
 * for, and another thread would cost more than the copying. Where the system is behind with its disk the caller stands
 * still; that is the thread of the sources, which must read no more then.
 *
 * writev may write less than it was given when the disk fills up; the rest is tried again, which then fails aloud.
 * `reached` is told how far it got. Throws what writev throws.
 */
export function writeAll(file: number, buffers: Buffer[], position: number, reached: (to: number) => void): void {
  let left = buffers;
  let at = position;
  while (left.length > 0) {
    const bytesWritten = writevSync(file, left, at);
    at += bytesWritten;
    reached(at);
    let skip = bytesWritten;
    const rest: Buffer[] = [];
    for (const buffer of left) {
      if (skip >= buffer.length) skip -= buffer.length;
      else {
        rest.push(skip > 0 ? buffer.subarray(skip) : buffer);
        skip = 0;
      }
    }
    left = rest;
  }
}

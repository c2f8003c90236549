/** Writing many pieces at one place of a file. */
import type { FileHandle } from 'node:fs/promises';

/**
 * writev may write less than it was given when the disk fills up; the rest is tried again, which then fails aloud.
 * `reached` is told how far it got.
 */
export async function writeAll(
  file: FileHandle,
  buffers: Buffer[],
  position: number,
  reached: (to: number) => void,
): Promise<void> {
  let left = buffers;
  let at = position;
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at);
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

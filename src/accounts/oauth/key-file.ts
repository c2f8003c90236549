/** Key files and certificates of providers of tokens. */
import { open } from 'node:fs/promises';

/** Longest key file. */
const maxBytes = 64 * 1024;

/** The text of a key file, at most 64 KiB of it. Throws `fail`'s error with a reason that quotes nothing of it. */
export async function readKeyFile(path: string, fail: (reason: string) => Error): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fail(`the file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'})`);
  }
}

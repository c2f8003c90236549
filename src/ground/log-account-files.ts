/** A file of the log for each account, for whoever looks at one of thousands: bounded in size, and in how many are open. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { hexDigest } from './digest.ts';

/** Where they are and what they may take. */
export interface AccountFilesOptions {
  readonly folder: string;
  /** A file has at most so many bytes, and there is one older of it. */
  readonly maxBytes: number;
  readonly openMax: number;
  /** Told of the first of several failures in a row: no line of the log is worth a run. */
  readonly onTrouble: (reason: string) => void;
}

interface OpenFile {
  readonly descriptor: number;
  readonly path: string;
  bytes: number;
}

const longestName = 120;

/**
 * The name of an account's file without its `.log`: the id where that is a name on every file system, else what is left
 * of it with a digest. No two ids have one name, even where capitals do not count.
 */
export function accountFileName(id: string): string {
  const plain = /^[a-z0-9][a-z0-9@._+-]*$/.test(id) && id.length <= longestName;
  // What could be the name of another id, of an older file, or of a device of Windows
  const taken = /-[0-9a-f]{16}$|\.1$|\.$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/.test(id);
  if (plain && !taken) return id;
  const rest = id.slice(0, longestName).replace(/[^A-Za-z0-9@._+-]/g, '_');
  return `${rest.replace(/^(?:[^A-Za-z0-9]|$)/, '_')}-${hexDigest(8, 'log of an account', id)}`;
}

/** The files. What is written is with the kernel when `write` returns: it outlives the process. */
export class AccountFiles {
  readonly #options: AccountFilesOptions;
  /** By account, the one that was used last at the end. */
  readonly #open = new Map<string, OpenFile>();
  #failing = false;

  constructor(options: AccountFilesOptions) {
    this.#options = options;
  }

  /** Adds a line, with its line end. Never throws. */
  write(account: string, line: string): void {
    try {
      const bytes = Buffer.from(line);
      const file = this.#file(account, bytes.length);
      file.bytes += writeSync(file.descriptor, bytes);
      this.#failing = false;
    } catch (error) {
      this.#drop(account);
      if (!this.#failing) this.#options.onTrouble((error as NodeJS.ErrnoException).code ?? (error as Error).message);
      this.#failing = true;
    }
  }

  /** Closes all; a later line opens its file again. */
  close(): void {
    for (const account of [...this.#open.keys()]) this.#drop(account);
  }

  /** The open file of an account, with room for so many bytes. */
  #file(account: string, more: number): OpenFile {
    let file = this.#open.get(account);
    this.#open.delete(account);
    file ??= this.#opened(account);
    if (file.bytes > 0 && file.bytes + more > this.#options.maxBytes) {
      closeSync(file.descriptor);
      renameSync(file.path, file.path.replace(/\.log$/, '.1.log'));
      file = this.#opened(account);
    }
    this.#open.set(account, file);
    return file;
  }

  #opened(account: string): OpenFile {
    const { folder, openMax } = this.#options;
    for (const oldest of this.#open.keys()) {
      if (this.#open.size < openMax) break;
      this.#drop(oldest);
    }
    const path = join(folder, `${accountFileName(account)}.log`);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const descriptor = openSync(path, 'a', 0o600);
    return { descriptor, path, bytes: fstatSync(descriptor).size };
  }

  #drop(account: string): void {
    const file = this.#open.get(account);
    this.#open.delete(account);
    try {
      if (file) closeSync(file.descriptor);
    } catch {
      // Whatever it was, the descriptor is no longer ours.
    }
  }
}

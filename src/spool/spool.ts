/** The spool: a directory of batch files, its identity, and how full it may get. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MailhaulError } from '../ground/errors.ts';
import { makeOnce } from '../ground/made-once.ts';
import { BatchFile } from './batch-file.ts';
import { type FoundBatch, SpoolSpace } from './space.ts';
import { batchFileName, SpoolDirectory } from './spool-directory.ts';
import { spoolError } from './spool-error.ts';
import { SpooledHeaders } from './spooled-headers.ts';

/** One spool directory, opened. */
export class Spool extends SpoolDirectory {
  /** What the append queue is named after; it stays with the directory. */
  readonly id: string;
  readonly space: SpoolSpace;
  readonly headers: SpooledHeaders;

  private constructor(directory: string, id: string, maxBytes: number, headersMaxBytes: number) {
    super(directory);
    this.id = id;
    this.space = new SpoolSpace(maxBytes, () => this.found());
    this.headers = new SpooledHeaders(headersMaxBytes);
  }

  /**
   * Opens the spool, creating it when it is missing. Throws `spool-failed`.
   * @param headersMaxBytes how much of what it spools this process may keep in memory as well
   */
  static async open(directory: string, maxBytes: number, headersMaxBytes = 0): Promise<Spool> {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const spool = new Spool(directory, await spoolId(directory), maxBytes, headersMaxBytes);
      await spool.space.measure();
      return spool;
    } catch (error) {
      throw new MailhaulError('spool-failed', { path: directory, reason: (error as Error).message }, error);
    }
  }

  /** Opens one batch. Throws `spool-damaged`. */
  async openBatch(account: string, batch: string): Promise<BatchFile> {
    return BatchFile.open(join(this.directory, batchFileName(account, batch)), this.headers.take(batch));
  }

  /** Deletes a batch's file; one that is gone already is fine. */
  async remove(account: string, batch: string): Promise<void> {
    this.headers.take(batch);
    await unlink(join(this.directory, batchFileName(account, batch))).catch(() => {});
    this.space.removed(account, batch);
  }

  /** All whole batch files. */
  async found(): Promise<FoundBatch[]> {
    const found: FoundBatch[] = [];
    for (const name of await readdir(this.directory)) {
      const match = /^([0-9a-f]{32})\.([0-9a-z-]+)\.batch$/.exec(name);
      const size = match && (await stat(join(this.directory, name)).catch(() => undefined))?.size;
      if (match && size !== undefined) found.push({ account: match[1]!, batch: match[2]!, bytes: size ?? 0 });
    }
    return found;
  }

  /** Remembers, beside Redis, that mail of this account was taken once: so that a flushed Redis is noticed. */
  async noteCarried(account: string): Promise<void> {
    await mkdir(join(this.directory, 'carried'), { recursive: true, mode: 0o700 });
    await writeFile(join(this.directory, 'carried', account), '', { mode: 0o600 });
  }

  /** True when mail of this account was taken before, whatever Redis knows. */
  async wasCarried(account: string): Promise<boolean> {
    return stat(join(this.directory, 'carried', account)).then(
      () => true,
      () => false,
    );
  }

  /** Deletes unfinished files of an account's sessions that died; for the holder of the source's lease. */
  async removeUnfinished(account: string): Promise<void> {
    for (const path of await this.#filesOf(account, '.part')) await unlink(path).catch(() => {});
  }

  /**
   * Makes durable what the spool holds of an account, whichever session wrote it: before a source hears QUIT, and may hide
   * what it gave (design §2, promise 1). What was settled by then is gone, and was not to be written. Throws `spool-full`
   * or `spool-failed`.
   */
  async makeDurable(account: string): Promise<void> {
    try {
      const paths = await this.#filesOf(account, '.batch');
      // The last first: those before it may be settled, and gone, when it is their turn.
      for (const path of paths.sort().reverse()) await syncBatch(path);
      if (paths.length > 0) await this.syncDirectory();
    } catch (error) {
      throw spoolError(this.directory, error);
    }
  }

  async #filesOf(account: string, ending: string): Promise<string[]> {
    const names = await readdir(this.directory);
    const own = names.filter((name) => name.startsWith(`${account}.`) && name.endsWith(ending));
    return own.map((name) => join(this.directory, name));
  }
}

/** Makes the bytes of a batch durable; one that is gone is settled. */
async function syncBatch(path: string): Promise<void> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  try {
    await file?.datasync();
  } catch (error) {
    // The system tells once that it could not write a page, and then takes it for written. So nobody is to find this file:
    // its messages are fetched again.
    await rename(path, `${path}.damaged`).catch(() => {});
    throw error;
  } finally {
    await file?.close();
  }
}

/** Reads the id, or writes one; of two processes that start at once, one wins and both read the winner's. */
async function spoolId(directory: string): Promise<string> {
  const path = join(directory, 'spool.id');
  await makeOnce(path, `${randomBytes(8).toString('hex')}\n`);
  const id = (await readFile(path, 'latin1')).trim();
  if (!/^[0-9a-f]{16}$/.test(id)) throw new Error(`${path} does not hold the id of a spool`);
  return id;
}

/**
 * An export of messages for somebody who is not at this machine: made in a folder of the data directory as
 * `mailhaul export messages` makes it, handed out as one ZIP archive, and removed, whoever breaks off when.
 */
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { csvLine } from '../ground/csv.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { readRegistry } from '../ledger/registry.ts';
import { type ExportOptions, type ExportRow, exportColumns, exportMessages } from './export-messages.ts';

const folderPrefix = 'api-export-';

/** The limits of exports over HTTP. */
export type ExportLimits = Pick<Settings, 'apiExportsAtOnce' | 'apiExportMaxBytes' | 'apiExportMaxMs'>;

/** An archive that is ready to be read. */
export interface ExportArchive {
  /** Begins to read it. */
  readonly zip: () => Readable;
  readonly rows: readonly ExportRow[];
  /** Why the source could not be read to the end; undefined where it was. */
  readonly failure: MailhaulError | undefined;
}

/** The exports that one process makes for others. */
export class Exports {
  readonly #limits: ExportLimits;
  readonly #dataDir: string;
  /** Those that go on: each settles when its folder is gone. */
  readonly #open = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(limits: ExportLimits, dataDir: string) {
    this.#limits = limits;
    this.#dataDir = dataDir;
  }

  /**
   * Has `work` done when there is room for one export more; its signal is given when the time is up, when `gone` is, and
   * when the process ends. Throws `exports-full`.
   */
  async during(gone: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { apiExportsAtOnce, apiExportMaxMs } = this.#limits;
    const { signal: closing } = this.#closing;
    if (this.#open.size >= apiExportsAtOnce || closing.aborted) {
      throw new MailhaulError('exports-full', { count: this.#open.size });
    }
    const working = work(AbortSignal.any([gone, closing, AbortSignal.timeout(apiExportMaxMs)]));
    const settled = working.catch(() => {});
    this.#open.add(settled);
    await working.finally(() => this.#open.delete(settled));
  }

  /** Makes the archive and hands it to `send`; its folder is there until that has ended. Throws MailhaulError. */
  async archive(options: ExportOptions, send: (archive: ExportArchive) => Promise<void>): Promise<void> {
    await this.#refuseTooLarge(options);
    await mkdir(this.#dataDir, { recursive: true });
    const folder = await mkdtemp(join(this.#dataDir, folderPrefix));
    try {
      const { rows, failure } = await exportMessages(folder, options);
      const names = (await readdir(folder)).sort();
      await send({ zip: () => zipOf(folder, names), rows, failure });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Removes what a process left behind that was killed; before the first export. */
  async removeLeftovers(): Promise<void> {
    const names = await readdir(this.#dataDir).catch(() => []);
    for (const name of names) {
      if (name.startsWith(folderPrefix)) await rm(join(this.#dataDir, name), { recursive: true, force: true });
    }
  }

  /** Ends all of them, and waits until their folders are gone. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#open);
  }

  async #refuseTooLarge({ redis, account }: ExportOptions): Promise<void> {
    const sizes = (await readRegistry(redis, account.key)).map(({ size }) => size);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const { apiExportMaxBytes: most } = this.#limits;
    if (bytes > most) throw new MailhaulError('export-large', { id: account.id, bytes, most });
  }
}

function zipOf(folder: string, names: readonly string[]): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on('error', (error: Error) => output.destroy(error));
  for (const name of names) zip.addFile(join(folder, name), name);
  // Who asks for what is not there gets an index that says so.
  if (names.length === 0) zip.addBuffer(Buffer.from(csvLine(exportColumns)), 'index.csv');
  zip.end();
  return output;
}

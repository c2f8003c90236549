/** The file of a report: written whole, and in the place of an earlier report only. */
import { basename, dirname, resolve } from 'node:path';
import { csvLine } from '../ground/csv.ts';
import { MailhaulError } from '../ground/errors.ts';
import { accountColumns, messageColumns } from '../report/full-csv.ts';
import { htmlBeginning } from '../report/html/page.ts';
import { ExportFolder } from './export-folder.ts';

const beginnings = [htmlBeginning, '{\n  "version": 1,\n  "run": {', csvLine(accountColumns), csvLine(messageColumns)];
const textBeginning = /^[^\n]*\nMailhaul \d[^\n]* UTC[^\n]*: /;

/**
 * Writes the pieces into a file, mode 0600. Throws `export-exists` where something else than a report is there, and
 * `export-failed`; then nothing is left of it.
 */
export async function writeReport(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const folder = await ExportFolder.open(dirname(resolve(path)));
  await folder.assertReplaceable(basename(path), isReport);
  const part = await folder.begin();
  try {
    for await (const piece of pieces) await part.write(Buffer.from(piece));
    await folder.assertReplaceable(basename(path), isReport);
    await part.rename(basename(path));
    await folder.sync();
  } catch (error) {
    await part.drop();
    throw error;
  }
}

/** Refuses the paths of two files that are one. Throws `usage`. */
export function refuseSameFile(paths: readonly (string | undefined)[]): void {
  const named = paths.flatMap((path) => (path === undefined || path === '-' ? [] : [resolve(path)]));
  if (new Set(named).size === named.length) return;
  throw new MailhaulError('usage', { reason: '--out and --messages name one file: name two' });
}

function isReport(text: string): boolean {
  return text === '' || beginnings.some((beginning) => text.startsWith(beginning)) || textBeginning.test(text);
}

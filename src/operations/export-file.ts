/** One file of an export: written whole and durable, and never in the place of another. */
import { basename, dirname, resolve } from 'node:path';
import { ExportFolder } from './export-folder.ts';

/** Writes the pieces into a file, mode 0600; one that is there with this content stays. Throws `export-exists`, `export-failed`. */
export async function writeExport(path: string, pieces: Iterable<Buffer>): Promise<void> {
  const folder = await ExportFolder.open(dirname(resolve(path)));
  const part = await folder.begin();
  try {
    for (const piece of pieces) await part.write(piece);
    await part.keep([basename(path)], part.digest());
    await folder.sync();
  } catch (error) {
    await part.drop();
    throw error;
  }
}

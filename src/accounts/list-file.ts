/** Replacing the file of an account list, so that whoever reads it sees the old one or the new one, whole. */
import { randomBytes } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MailhaulError, printable } from '../ground/errors.ts';
import { syncFolder } from '../ground/made-once.ts';

/**
 * Puts `text` in the place of a list that held `before`; a link stays a link, and mode and owner stay as they are.
 * Throws `list-unwritable`, and then the file is as it was: also where somebody changed it meanwhile.
 */
export async function replaceList(path: string, before: Buffer, text: string): Promise<void> {
  const failed = (reason: string, cause?: unknown) =>
    new MailhaulError('list-unwritable', { path: printable(path), reason }, cause);
  let fresh: string | undefined;
  try {
    const target = await realpath(path);
    const { mode, uid, gid } = await stat(target);
    fresh = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
    // The list may hold passwords: nobody else may read the new one for a moment.
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(text);
      const own = await file.stat();
      if (own.uid !== uid || own.gid !== gid) await file.chown(uid, gid);
      await file.chmod(mode & 0o7777);
      await file.sync();
    } finally {
      await file.close();
    }
    if (!before.equals(await readFile(target))) throw failed('somebody changed it meanwhile');
    await rename(fresh, target);
    fresh = undefined;
    await syncFolder(dirname(target));
  } catch (error) {
    throw error instanceof MailhaulError
      ? error
      : failed((error as NodeJS.ErrnoException).code ?? String(error), error);
  } finally {
    if (fresh !== undefined) await rm(fresh, { force: true });
  }
}

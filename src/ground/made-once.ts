/** Files that exist once: whole or not at all, and the same for every process that asks for them at once. */
import { randomUUID } from 'node:crypto';
import { access, link, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a file with mode 0600, durable, and its folder where that is missing. Where another process was faster, or
 * the file was there, that file stays as it is. Throws what the file system says.
 */
export async function makeOnce(path: string, text: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (there) return;
  const draft = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await syncFolder(dirname(path));
  } finally {
    await rm(draft, { force: true });
  }
}

/** Makes names that were given or taken in a folder durable: a name is as durable as its folder. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

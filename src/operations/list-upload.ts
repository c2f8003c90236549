/** An account list that came as text: it is read by the rules of a file, without a file of that name being there. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Account } from '../accounts/account.ts';
import { MailhaulError, printable } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { loadList } from './load-list.ts';

const draftPrefix = 'upload-';
/** What mkdtemp makes of it, and nothing that a person would name so. */
const draftPattern = /^upload-[A-Za-z0-9]{6}$/;

const extensions: ReadonlySet<string> = new Set(['.csv', '.tsv', '.txt', '.yaml', '.yml', '.json']);

/**
 * The accounts of a text; the ending of `name` tells its format, `folder` is where its sender has it. For the moment of reading, the text lies in a directory
 * below `dataDir` that only its owner may enter: it has passwords in it. Throws `list-invalid`, which names the list
 * as its sender does.
 */
export async function readUploadedList(
  dataDir: string,
  name: string,
  text: string,
  settings: Pick<Settings, 'defaults' | 'providersFile'> & Partial<Pick<Settings, 'oauth'>>,
  folder?: string,
): Promise<Account[]> {
  await mkdir(dataDir, { recursive: true });
  const draft = await mkdtemp(join(dataDir, draftPrefix));
  try {
    const ending = extname(name).toLowerCase();
    const path = join(draft, `list${extensions.has(ending) ? ending : ''}`);
    await writeFile(path, text, { mode: 0o600 });
    return await loadList(path, settings, folder);
  } catch (error) {
    if (!(error instanceof MailhaulError)) throw error;
    throw new MailhaulError(error.code, { ...error.details, path: printable(name) });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Removes the texts, passwords and all, that a process left behind which was killed while it read one. */
export async function removeUploadedLists(dataDir: string): Promise<void> {
  const names = await readdir(dataDir).catch(() => []);
  for (const name of names) {
    if (draftPattern.test(name)) await rm(join(dataDir, name), { recursive: true, force: true });
  }
}

import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceList } from '../../src/accounts/list-file.ts';

let directory: string;
let path: string;
const before = Buffer.from('id,pop_host\nann,\n');

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mailhaul-list-file-'));
  path = join(directory, 'accounts.csv');
  await writeFile(path, before);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('replacing a list', () => {
  it('keeps its mode, and leaves no other file', async () => {
    for (const mode of [0o600, 0o640, 0o644]) {
      await writeFile(path, before);
      await chmod(path, mode);
      await replaceList(path, before, 'new ü\n');
      expect(await readFile(path, 'utf8')).toBe('new ü\n');
      expect((await stat(path)).mode & 0o7777).toBe(mode);
    }
    expect(await readdir(directory)).toEqual(['accounts.csv']);
  });

  it('keeps a link that leads to it', async () => {
    const link = join(directory, 'link.csv');
    await symlink('accounts.csv', link);
    await replaceList(link, before, 'new\n');
    expect(await readlink(link)).toBe('accounts.csv');
    expect(await readFile(path, 'utf8')).toBe('new\n');
  });

  it('is not done where somebody changed it meanwhile', async () => {
    await writeFile(path, 'theirs\n');
    await expect(replaceList(path, before, 'new\n')).rejects.toMatchObject({
      code: 'list-unwritable',
      details: { reason: 'somebody changed it meanwhile' },
    });
    expect(await readFile(path, 'utf8')).toBe('theirs\n');
    expect(await readdir(directory)).toEqual(['accounts.csv']);
  });

  it('that is gone, or a directory, says so', async () => {
    await expect(replaceList(join(directory, 'no'), before, '')).rejects.toMatchObject({
      code: 'list-unwritable',
      details: { reason: 'ENOENT' },
    });
    await expect(replaceList(directory, before, '')).rejects.toMatchObject({ code: 'list-unwritable' });
  });
});

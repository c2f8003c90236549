import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExportFolder } from '../../src/operations/export-folder.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mailhaul-export-'));
});

afterAll(() => rm(root, { recursive: true }));

describe('the directory of an export', () => {
  test('is made with those above it, and may be there already', async () => {
    const path = join(root, 'a', 'b', 'c');
    await ExportFolder.open(path);
    await ExportFolder.open(path);
    expect(existsSync(path)).toBe(true);
    await symlink(path, join(root, 'link'));
    await ExportFolder.open(join(root, 'link'));
    await ExportFolder.open(join(root, 'link', 'd'));
    expect(existsSync(join(path, 'd'))).toBe(true);
  });

  test('that cannot be made is named, with the reason, and nobody waits for ever', async () => {
    await writeFile(join(root, 'file'), '');
    await symlink(join(root, 'nowhere'), join(root, 'dangling'));
    for (const path of ['file', 'file/sub', 'dangling', 'dangling/sub'].map((name) => join(root, name))) {
      await expect(ExportFolder.open(path), path).rejects.toMatchObject({ code: 'export-failed' });
    }
  });

  // Only Linux has a directory in which nothing can be made because "it is not there".
  test.runIf(process.platform === 'linux')('nor where the system says that a directory is not there', async () => {
    await expect(ExportFolder.open('/proc/mailhaul/sub')).rejects.toMatchObject({ code: 'export-failed' });
  });

  test('that went away under the export is an error with a name', async () => {
    const folder = await ExportFolder.open(join(root, 'gone'));
    await rm(folder.path, { recursive: true });
    await expect(folder.sync()).rejects.toMatchObject({ code: 'export-failed' });
  });
});

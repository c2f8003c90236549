import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readUploadedList, removeUploadedLists } from '../../src/operations/list-upload.ts';

const csv =
  'id,pop_host,pop_user,pop_password,imap_host,imap_user,imap_password\nann,pop.example,a,canary-1,imap.example,a,p\n';
const json = JSON.stringify([
  {
    id: 'bob',
    pop_host: 'p.example',
    pop_user: 'b',
    pop_password: 'x',
    imap_host: 'i.example',
    imap_user: 'b',
    imap_password: 'y',
  },
]);

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'mailhaul-upload-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return join(path, 'data');
}

it.each([
  ['accounts.csv', csv, 'ann'],
  ['../../etc/accounts.CSV', csv, 'ann'],
  ['list.json', json, 'bob'],
  ['list', json, 'bob'],
])('reads %s and leaves nothing behind', async (name, text, id) => {
  const dataDir = await folder();
  expect(
    (await readUploadedList(dataDir, name, text, { defaults: {}, providersFile: null })).map((account) => account.id),
  ).toEqual([id]);
  expect(await readdir(dataDir)).toEqual([]);
});

it('names the list as its sender does when lines are wrong, and no password', async () => {
  const dataDir = await folder();
  const wrong = csv.replace('pop.example', '');
  const error: Error = await readUploadedList(dataDir, 'wave.csv', wrong, { defaults: {}, providersFile: null }).then(
    () => new Error('it was taken'),
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ code: 'list-invalid', details: { path: 'wave.csv', count: 1 } });
  expect(error.message).toContain('line 2');
  expect(error.message).not.toContain('canary-1');
  expect(await readdir(dataDir)).toEqual([]);
});

it('removes what a killed process left behind, and nothing else', async () => {
  const dataDir = await folder();
  for (const name of ['upload-aB3dE6', 'upload-kept-by-me', 'spool'])
    await mkdir(join(dataDir, name), { recursive: true });
  await removeUploadedLists(dataDir);
  expect((await readdir(dataDir)).sort()).toEqual(['spool', 'upload-kept-by-me']);
});

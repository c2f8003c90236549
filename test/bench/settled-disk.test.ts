import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SettledDisk } from './settled-disk.ts';

const calm = { leastFreeBytes: 0, limitMs: 0, usual: 1e9 };
let directory: string;
let said: string[];

beforeEach(async () => {
  said = [];
  directory = await mkdtemp(join(tmpdir(), 'mailhaul-disk-'));
  await mkdir(join(directory, 'user/cur'), { recursive: true });
  await writeFile(join(directory, 'user/cur/1'), 'mail');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe('what runs leave behind', () => {
  it('stays while there is room', async () => {
    const disk = new SettledDisk(calm);
    disk.leave(join(directory, 'user'));
    await disk.settle(directory, (text) => said.push(text));
    expect(await readdir(directory)).toContain('user');
  });

  it('goes where room is short', async () => {
    const disk = new SettledDisk({ ...calm, leastFreeBytes: Number.POSITIVE_INFINITY });
    disk.leave(join(directory, 'user'));
    await mkdir(join(directory, 'other'));
    await disk.settle(directory, (text) => said.push(text));
    const left = await readdir(directory);
    expect(left).not.toContain('user');
    expect(left).toContain('other');
  });
});

describe('a slow file system', () => {
  it('is measured', async () => {
    const disk = new SettledDisk({ ...calm, usual: 1e-6 });
    await disk.settle(directory, (text) => said.push(text));
    expect(said).toEqual([expect.stringMatching(/^new files still cost \d+ µs each/)]);
  });

  it('is waited for once, and then taken as it is, until it is slower by far', async () => {
    let cost = 0;
    const disk = new SettledDisk({ ...calm, usual: 5, costOf: () => cost });
    for (cost of [14, 20, 59, 61, 150]) await disk.settle(directory, (text) => said.push(text));
    expect(said).toEqual([expect.stringContaining('still cost 20 µs'), expect.stringContaining('still cost 61 µs')]);
  });
});

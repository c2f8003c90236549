import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Spool } from '../../src/spool/spool.ts';
import { batchFileName } from '../../src/spool/spool-directory.ts';
import { codeOf } from '../ledger/redis-rig.ts';
import { alice, makeBatch, newDirectory, newSpool } from './spool-rig.ts';

describe('the id of a spool', () => {
  it('stays with the directory', async () => {
    const directory = newDirectory();
    const first = await Spool.open(directory, 1);
    expect((await Spool.open(directory, 1)).id).toBe(first.id);
    expect(first.id).toMatch(/^[0-9a-f]{16}$/);
    expect((await newSpool()).id).not.toBe(first.id);
  });

  it('is one even where several processes open a new spool at once', async () => {
    const directory = join(newDirectory(), 'deep', 'spool');
    const spools = await Promise.all(Array.from({ length: 20 }, () => Spool.open(directory, 1)));
    expect(new Set(spools.map(({ id }) => id)).size).toBe(1);
    expect(readdirSync(directory)).toEqual(['spool.id']);
    expect(readFileSync(join(directory, 'spool.id'), 'utf8').trim()).toBe(spools[0]!.id);
  });

  it('is never guessed where its file holds something else', async () => {
    const directory = newDirectory();
    writeFileSync(join(directory, 'spool.id'), 'nonsense');
    expect(await codeOf(Spool.open(directory, 1))).toBe('spool-failed');
  });
});

describe('a spool', () => {
  it('is closed to others', async () => {
    const directory = join(newDirectory(), 'spool');
    const spool = await Spool.open(directory, 1e6);
    const { batch } = await makeBatch(spool, ['one']);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, batchFileName(alice, batch))).mode & 0o777).toBe(0o600);
  });

  it('removes a batch, and does not mind one that is gone', async () => {
    const spool = await newSpool();
    const { batch } = await makeBatch(spool, ['one']);
    await spool.remove(alice, batch);
    expect(existsSync(join(spool.directory, batchFileName(alice, batch)))).toBe(false);
    await spool.remove(alice, batch);
  });
});

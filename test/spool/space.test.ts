import { copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Spool } from '../../src/spool/spool.ts';
import { batchFileName } from '../../src/spool/spool-directory.ts';
import { alice, bob, makeBatch, newDirectory, newSpool } from './spool-rig.ts';

const carol = 'c'.repeat(32);

/** A spool in which bob has a batch already, so that nothing is reserved for him. */
async function spoolWithBob(maxBytes: number, bobsBytes: number): Promise<Spool> {
  const spool = await newSpool(maxBytes);
  spool.space.written(bob, 'first', bobsBytes, 0);
  return spool;
}

describe('space', () => {
  it('is claimed up to the limit and not a byte further', async () => {
    const { space } = await spoolWithBob(1000, 400);
    expect(space.tryClaim(bob, 600)).toBe(true);
    expect(space.usedBytes).toBe(1000);
    expect(space.tryClaim(bob, 1)).toBe(false);
    expect(space.tryClaim(bob, 0)).toBe(true);
  });

  it('counts the claims of all accounts together', async () => {
    const { space } = await spoolWithBob(1000, 400);
    expect(space.tryClaim(alice, 500)).toBe(true);
    expect(space.tryClaim(bob, 200)).toBe(false);
    expect(space.tryClaim(bob, 100)).toBe(true);
  });

  it('comes back when claims are released or turn into a file', async () => {
    const { space } = await spoolWithBob(1000, 400);
    space.tryClaim(bob, 600);
    space.release(bob, 200);
    expect(space.usedBytes).toBe(800);
    space.written(bob, 'second', 350, 400);
    expect(space.usedBytes).toBe(750);
    space.removed(bob, 'second');
    expect(space.usedBytes).toBe(400);
  });

  it('counts a file once, and a removed one not below nothing', async () => {
    const { space } = await spoolWithBob(1000, 400);
    space.written(bob, 'first', 400, 0);
    expect(space.usedBytes).toBe(400);
    space.removed(bob, 'first');
    space.removed(bob, 'first');
    expect(space.usedBytes).toBe(0);
  });

  it('is reserved for one batch of an account that has none, even an oversized one', async () => {
    const { space } = await spoolWithBob(1000, 1000);
    expect(space.tryClaim(bob, 1)).toBe(false);
    expect(space.tryClaim(alice, 5_000_000)).toBe(true);
    expect(space.tryClaim(carol, 700)).toBe(true);
    space.written(alice, 'first', 5_000_000, 5_000_000);
    expect(space.tryClaim(alice, 1)).toBe(false);
    space.removed(alice, 'first');
    expect(space.tryClaim(alice, 1)).toBe(true);
  });

  it('counts files of other processes after it was measured', async () => {
    const spool = await newSpool(1000);
    const { batch } = await makeBatch(spool, ['one']);
    const bytes = statSync(join(spool.directory, batchFileName(alice, batch))).size;
    expect(spool.space.usedBytes).toBe(0);
    await spool.space.measure();
    expect(spool.space.usedBytes).toBe(bytes);
    expect((await Spool.open(spool.directory, 1000)).space.usedBytes).toBe(bytes);
  });

  it('does not count what is no batch', async () => {
    const spool = await newSpool(1000);
    const { batch } = await makeBatch(spool, ['one']);
    const path = join(spool.directory, batchFileName(alice, batch));
    for (const name of ['notes.txt', `${batchFileName(alice, 'x')}.part`, `${batchFileName(alice, 'x')}.damaged`]) {
      copyFileSync(path, join(spool.directory, name));
    }
    await spool.space.measure();
    expect(spool.space.usedBytes).toBe(statSync(path).size);
  });
});

describe('who waits for space', () => {
  it('is woken when a batch goes', async () => {
    const { space } = await spoolWithBob(1000, 1000);
    const woken = space.changed();
    space.removed(bob, 'first');
    await woken;
    expect(space.tryClaim(bob, 1000)).toBe(true);
  });

  it('is woken when a claim comes to nothing', async () => {
    const { space } = await spoolWithBob(1000, 0);
    space.tryClaim(bob, 1000);
    const all = [space.changed(), space.changed()];
    space.release(bob, 1000);
    await Promise.all(all);
  });

  it('sees in the end what another process removed', async () => {
    const directory = newDirectory();
    const [here, there] = [await Spool.open(directory, 10), await Spool.open(directory, 10)];
    const { batch } = await makeBatch(there, ['one']);
    await here.space.measure();
    expect(here.space.tryClaim(alice, 1)).toBe(false);
    await there.remove(alice, batch);
    while (!here.space.tryClaim(alice, 1)) await here.space.changed();
    expect(here.space.usedBytes).toBe(1);
  });

  it('stops waiting when its lease is lost', async () => {
    const { space } = await spoolWithBob(1000, 1000);
    const lease = new AbortController();
    const waiting = space.changed(lease.signal);
    lease.abort(new Error('lost'));
    await expect(waiting).rejects.toThrow('lost');
  });
});

/** What the spool makes durable before a source hears QUIT, and what it does where that fails. */
import { readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { batchFileName } from '../../src/spool/spool-directory.ts';
import { codeOf } from '../ledger/redis-rig.ts';
import { alice, bob, makeBatch, newSpool } from './spool-rig.ts';

/** A device that takes what is written to it and cannot make it durable, under the name of a batch. */
function unwritable(directory: string, account: string): string {
  const name = batchFileName(account, 'bad');
  symlinkSync('/dev/null', join(directory, name));
  return name;
}

it('a batch that the disk did not take is put aside, so that nobody appends it', async () => {
  const spool = await newSpool();
  const { batch } = await makeBatch(spool, ['one']);
  const bad = unwritable(spool.directory, alice);
  expect(await codeOf(spool.makeDurable(alice))).toBe('spool-failed');
  expect(readdirSync(spool.directory).sort()).toEqual([batchFileName(alice, batch), `${bad}.damaged`, 'spool.id']);
  expect(await codeOf(spool.openBatch(alice, 'bad'))).toBe('spool-damaged');
  await spool.makeDurable(alice);
  await (await spool.openBatch(alice, batch)).close();
});

it('what others have in the spool is left to them', async () => {
  const spool = await newSpool();
  const bad = unwritable(spool.directory, bob);
  await makeBatch(spool, ['one']);
  await spool.makeDurable(alice);
  expect(readdirSync(spool.directory)).toContain(bad);
});

it('a batch that is settled and gone by its turn needs nothing', async () => {
  const spool = await newSpool();
  symlinkSync(join(spool.directory, 'gone'), join(spool.directory, batchFileName(alice, 'settled')));
  await spool.makeDurable(alice);
});

it('nothing in the spool needs nothing', async () => {
  const spool = await newSpool();
  await spool.makeDurable(alice);
});

it('a spool that is gone is told as one', async () => {
  const spool = await newSpool();
  rmSync(spool.directory, { recursive: true });
  expect(await codeOf(spool.makeDurable(alice))).toBe('spool-failed');
});

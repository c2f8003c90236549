import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Spool } from '../../src/spool/spool.ts';
import { codeOf } from '../ledger/redis-rig.ts';
import { alice, contentOf, newDirectory, newWriter, putMessage, sha256 } from './spool-rig.ts';

const reason = whyNot();
if (reason !== '') console.log(`skipped: a full disk needs a small file system of its own, and ${reason}`);

/** Why no small file system can be mounted here; empty when one can. */
function whyNot(): string {
  if (process.getuid?.() !== 0) return 'only root may mount one';
  const directory = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
  const works = mountTiny(directory);
  if (works) spawnSync('umount', [directory]);
  rmdirSync(directory);
  return works ? '' : 'mount is not allowed here';
}

function mountTiny(directory: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', directory]).status === 0;
}

/** A spool on a disk of 4 MiB. */
async function tinySpool(): Promise<Spool> {
  const directory = newDirectory();
  expect(mountTiny(directory)).toBe(true);
  onTestFinished(() => void spawnSync('umount', ['-l', directory]));
  return Spool.open(directory, 1e9);
}

describe.skipIf(reason !== '')('a full disk', () => {
  it('is told while a message is written', async () => {
    const writer = newWriter(await tinySpool());
    const large = Buffer.alloc(6 * 1024 * 1024, 'x');
    expect(await codeOf(putMessage(writer, 'large', large, 1024 * 1024))).toBe('spool-full');
  });

  it('is told when a batch is finished, and leaves no file', async () => {
    const spool = await tinySpool();
    writeFileSync(join(spool.directory, 'filler'), Buffer.alloc(3.9 * 1024 * 1024));
    const writer = newWriter(spool);
    // Less than what is gathered before the first write.
    await putMessage(writer, 'one', Buffer.alloc(400_000, 'x'), 400_000);
    expect(await codeOf(writer.finish())).toBe('spool-full');
    expect(readdirSync(spool.directory).sort()).toEqual(['filler', 'spool.id']);
  });

  it('never makes a batch whose bytes are not those that were written, even when space comes back', async () => {
    const spool = await tinySpool();
    const filler = join(spool.directory, 'filler');
    writeFileSync(filler, Buffer.alloc(3.5 * 1024 * 1024));
    const writer = newWriter(spool);
    const kept = Buffer.alloc(400_000, 'kept ');
    await putMessage(writer, 'kept', kept, 100_000);
    // One piece is written while the next is gathered: the first that fails is told with the second.
    await writer.write(Buffer.alloc(400_000, 'broken '));
    expect(await codeOf(Promise.resolve(writer.write(Buffer.alloc(400_000, 'broken '))))).toBe('spool-full');
    unlinkSync(filler);
    // As a session does that ends because of the error: what is whole may be kept.
    const batch = await writer
      .dropMessage()
      .then(() => writer.finish())
      .catch(() => undefined);
    if (!batch) return expect(await spool.found()).toEqual([]);
    const file = await spool.openBatch(alice, batch.batch);
    expect(sha256(await contentOf(file, file.manifest.messages[0]!))).toBe(sha256(kept));
    await file.close();
  });
});

describe.skipIf(reason !== '')('a disk that was full for a moment', () => {
  it('keeps what is whole, and tells that it is not everything', async () => {
    const spool = await tinySpool();
    const filler = join(spool.directory, 'filler');
    writeFileSync(filler, Buffer.alloc(3.5 * 1024 * 1024));
    const writer = newWriter(spool);
    const kept = Buffer.alloc(300_000, 'kept ');
    await putMessage(writer, 'kept', kept, 300_000);
    await putMessage(writer, 'lost', Buffer.alloc(300_000, 'lost '), 300_000);
    // Waits for what is on its way: it has failed by then, and only then is there space again.
    await putMessage(writer, 'last', Buffer.alloc(300_000, 'last '), 300_000).catch(() => {});
    unlinkSync(filler);
    const { messages } = await writer.finish();
    expect(messages.map(({ uidl }) => uidl)).toEqual(['kept']);
    expect(writer.lost).toMatchObject({ code: 'spool-full' });
  });
});

describe('a spool that cannot be written to', () => {
  it('is told apart from a full one', async () => {
    const spool = await Spool.open(newDirectory(), 1e9);
    const writer = newWriter(spool);
    // The file of the batch is a directory now.
    mkdirSync(join(spool.directory, `${alice}.${writer.batch}.batch.part`));
    await putMessage(writer, 'one', Buffer.from('x'));
    expect(await codeOf(writer.finish())).toBe('spool-failed');
  });

  it('cannot be opened where a file stands in its place', async () => {
    const path = join(newDirectory(), 'file');
    writeFileSync(path, '');
    expect(await codeOf(Spool.open(path, 1))).toBe('spool-failed');
  });
});

/** Headers that are kept in memory are those of the file, are kept within a limit, and are handed over once. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BatchFile } from '../../src/spool/batch-file.ts';
import { Spool } from '../../src/spool/spool.ts';
import { batchFileName } from '../../src/spool/spool-directory.ts';
import { SpooledHeaders } from '../../src/spool/spooled-headers.ts';
import { alice, facts, newDirectory, newWriter } from './spool-rig.ts';

const letters = ['one', 'two'].map((text) => Buffer.from(`Subject: ${text}\r\n\r\nbody of ${text}\r\n`));
const headers = letters.map((letter) => letter.subarray(0, letter.indexOf('\r\n\r\n') + 4));

async function batchIn(spool: Spool): Promise<string> {
  const writer = newWriter(spool);
  for (const [i, letter] of letters.entries()) {
    await writer.write(letter);
    writer.keep(writer.endMessage(), facts(`u${i}`, letter), headers[i]!);
  }
  await writer.finish();
  spool.headers.keep(writer.batch, writer.headers);
  return writer.batch;
}

async function readHeaders(file: BatchFile): Promise<string[]> {
  const read: string[] = [];
  for await (const header of file.headers(file.manifest.messages)) read.push(header.toString());
  return read;
}

describe('headers in memory', () => {
  it('come with the batch', async () => {
    const spool = await Spool.open(newDirectory(), 1_000_000, 1000);
    const batch = await batchIn(spool);
    const file = await spool.openBatch(alice, batch);
    // What is asked for now can only come from memory.
    truncateSync(join(spool.directory, batchFileName(alice, batch)), 0);
    expect(await readHeaders(file)).toEqual(headers.map(String));
    await file.close();
  });

  it('are those of the file when the batch is opened again', async () => {
    const spool = await Spool.open(newDirectory(), 1_000_000, 1000);
    const batch = await batchIn(spool);
    await (await spool.openBatch(alice, batch)).close();
    const again = await spool.openBatch(alice, batch);
    expect(await readHeaders(again)).toEqual(headers.map(String));
    writeFileSync(again.path, '');
    await expect(readHeaders(again)).rejects.toThrow(/too short/);
    await again.close();
  });

  it('take no more room than there is, until a batch is taken or removed', async () => {
    const kept = new SpooledHeaders(10);
    const six = new Map([[0, Buffer.from('123456')]]);
    for (const name of ['a', 'b']) kept.keep(name, six);
    expect(kept.take('b')).toBeUndefined();
    expect(kept.take('a')).toBe(six);
    expect(kept.take('a')).toBeUndefined();
    kept.keep('b', six);
    expect(kept.take('b')).toBe(six);
  });

  it('are not noted for a batch that has none', () => {
    const kept = new SpooledHeaders(0);
    kept.keep('probes', new Map());
    expect(kept.take('probes')).toBeUndefined();
  });

  it('are forgotten with a batch that is removed', async () => {
    const spool = await Spool.open(newDirectory(), 1_000_000, 1000);
    const batch = await batchIn(spool);
    await spool.remove(alice, batch);
    expect(spool.headers.take(batch)).toBeUndefined();
  });
});

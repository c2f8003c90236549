import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchFileName, Spool } from '../../src/spool/spool.ts';
import { alice, bob, contentOf, newDirectory, newWriter, putMessage, sha256 } from './spool-rig.ts';

const kib = 1024;
const letters = (bytes: number) => Buffer.alloc(bytes, 'abcdefgh\r\n');
const newSpool = (memoryBytes: number) => Spool.open(newDirectory(), 1e9, memoryBytes);
/** Whoever finds no file can only have read from memory. */
const withoutFile = (spool: Spool, batch: string) => rmSync(join(spool.directory, batchFileName(alice, batch)));

describe('a batch in memory', () => {
  it('is read from there, byte for byte, however it came', async () => {
    const message = fc.record({ size: fc.integer({ min: 0, max: 2000 }), dropped: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 12 }), fc.integer({ min: 1, max: 700 }), async (list, step) => {
        const spool = await Spool.open(newDirectory(), 1e9, 64 * kib);
        const writer = newWriter(spool);
        await putMessage(writer, 'first', letters(10), step);
        for (const [i, { size, dropped }] of list.entries()) {
          const bytes = letters(size);
          if (!dropped) await putMessage(writer, `m${i}`, bytes, step);
          else {
            for (let at = 0; at < size; at += step) await writer.write(bytes.subarray(at, at + step));
            await writer.dropMessage();
          }
        }
        const { batch, messages } = await writer.finish();
        withoutFile(spool, batch);
        const held = await spool.openBatch(alice, batch);
        expect(held.manifest.messages).toEqual(messages);
        for (const one of messages) {
          const bytes = await contentOf(held, one);
          expect(sha256(bytes)).toBe(one.sha256);
          expect(await held.header(one)).toEqual(bytes.subarray(0, one.headerBytes));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is not one without room for all of it; then its file is read', async () => {
    const spool = await newSpool(64 * kib);
    const [small, large] = [newWriter(spool), newWriter(spool)];
    await putMessage(small, 'small', letters(40 * kib), 9 * kib);
    await putMessage(large, 'large', letters(40 * kib), 9 * kib);
    const first = await small.finish();
    const second = await large.finish();
    withoutFile(spool, first.batch);
    expect(await contentOf(await spool.openBatch(alice, first.batch), first.messages[0]!)).toEqual(letters(40 * kib));
    const file = await spool.openBatch(alice, second.batch);
    expect(await contentOf(file, second.messages[0]!)).toEqual(letters(40 * kib));
    await file.close();
    withoutFile(spool, second.batch);
    await expect(spool.openBatch(alice, second.batch)).rejects.toMatchObject({ code: 'spool-damaged' });
  });

  it('gives its room back with its file, and when it is abandoned', async () => {
    const spool = await newSpool(64 * kib);
    for (let round = 0; round < 5; round += 1) {
      const writer = newWriter(spool);
      await putMessage(writer, 'one', letters(40 * kib), 9 * kib);
      const { batch } = await writer.finish();
      withoutFile(spool, batch);
      await spool.openBatch(alice, batch);
      await spool.remove(alice, batch);
      const lost = newWriter(spool);
      await lost.write(letters(60 * kib));
      await lost.abandon();
    }
  });

  it('can be read to its end by whoever has it when it is given up', async () => {
    const spool = await newSpool(64 * kib);
    const writer = newWriter(spool);
    await putMessage(writer, 'one', letters(10 * kib), kib);
    const { batch, messages } = await writer.finish();
    const held = await spool.openBatch(alice, batch);
    await spool.remove(alice, batch);
    expect(await contentOf(held, messages[0]!)).toEqual(letters(10 * kib));
  });
});

describe('a download that is ahead', () => {
  async function ahead() {
    const spool = await newSpool(64 * kib);
    const writer = newWriter(spool);
    await putMessage(writer, 'one', letters(40 * kib), kib);
    const { batch } = await writer.finish();
    return { spool, batch };
  }

  it('waits for its append session to take something away', async () => {
    const { spool, batch } = await ahead();
    let paced = false;
    const pacing = spool.pace(alice).then(() => {
      paced = true;
    });
    await spool.pace(bob);
    expect(paced).toBe(false);
    await spool.remove(alice, batch);
    await pacing;
  });

  it('does not wait for one that stands still, until it moves again', async () => {
    const { spool, batch } = await ahead();
    await spool.pace(alice);
    expect(spool.memory.isAhead(alice)).toBe(false);
    await spool.remove(alice, batch);
    const writer = newWriter(spool);
    await putMessage(writer, 'two', letters(40 * kib), kib);
    await writer.finish();
    expect(spool.memory.isAhead(alice)).toBe(true);
  });

  it('finds out what another process took', async () => {
    const { spool, batch } = await ahead();
    withoutFile(spool, batch);
    await spool.pace(alice);
    await expect(spool.openBatch(alice, batch)).rejects.toMatchObject({ code: 'spool-damaged' });
  });
});

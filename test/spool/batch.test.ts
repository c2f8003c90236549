import { createHash } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReusedBuffers } from '../../src/ground/reused-buffers.ts';
import type { BatchFile } from '../../src/spool/batch-file.ts';
import type { Spool } from '../../src/spool/spool.ts';
import { batchFileName } from '../../src/spool/spool-directory.ts';
import { codeOf } from '../ledger/redis-rig.ts';
import { alice, bob, contentOf, facts, makeBatch, newSpool, newWriter, putMessage, sha256 } from './spool-rig.ts';

const text = (name: string) => Buffer.from(`Subject: ${name}\r\n\r\nbody of ${name}\r\n`);
const pathOf = (spool: Spool, batch: string) => join(spool.directory, batchFileName(alice, batch));
/** Files of batches, finished or not. */
const filesIn = (spool: Spool) => readdirSync(spool.directory).filter((name) => name !== 'spool.id');

/** All messages of a batch by unique id, as they are read back. */
async function readBack(spool: Spool, batch: string): Promise<Record<string, string>> {
  const file = await spool.openBatch(alice, batch);
  const found: Record<string, string> = {};
  for (const message of file.manifest.messages) {
    const bytes = await contentOf(file, message);
    expect(sha256(bytes)).toBe(message.sha256);
    found[message.uidl] = bytes.toString('latin1');
  }
  await file.close();
  return found;
}

/** The headers of all messages, or of some. */
async function headersOf(file: BatchFile, messages = file.manifest.messages): Promise<Buffer[]> {
  const headers: Buffer[] = [];
  for await (const header of file.headers(messages)) headers.push(header);
  return headers;
}

describe('a batch', () => {
  it('gives its messages back as they were written, and describes itself', async () => {
    const spool = await newSpool();
    const writer = newWriter(spool);
    const odd = Buffer.concat([Buffer.from('Subject: \xe9\r\n\r\n', 'latin1'), Buffer.from([0, 255, 13, 10])]);
    await putMessage(writer, 'one', text('one'));
    await putMessage(writer, 'odd\xff', odd, 1);
    const written = await writer.finish();

    const file = await spool.openBatch(alice, writer.batch);
    expect(file.manifest).toEqual(written);
    expect(file.manifest).toMatchObject({ version: 1, account: alice, id: 'somebody', firstRun: true });
    expect(file.manifest.bytes).toBe(text('one').length + odd.length);
    const [first, second] = file.manifest.messages;
    expect(first).toMatchObject({ ...facts('one', text('one')), offset: 0, hasNul: false, size: text('one').length });
    expect(second).toMatchObject({ uidl: 'odd\xff', offset: text('one').length, hasNul: true, sha256: sha256(odd) });
    expect(await contentOf(file, second!)).toEqual(odd);
    expect((await headersOf(file, [first!])).map(String)).toEqual(['Subject: one\r\n\r\n']);
    await file.close();
  });

  it('gives the header of each message that is asked for, near to the next or far from it', async () => {
    const spool = await newSpool();
    const writer = newWriter(spool);
    const names = Array.from({ length: 30 }, (_, index) => `message ${index}`);
    for (const [index, name] of names.entries()) {
      await putMessage(writer, name, Buffer.concat([text(name), Buffer.alloc(index % 4 === 0 ? 200_000 : 900, 'x')]));
    }
    await writer.finish();
    const file = await spool.openBatch(alice, writer.batch);
    const header = (name: string) => `Subject: ${name}\r\n\r\n`;
    expect((await headersOf(file)).map(String)).toEqual(names.map(header));
    const some = (_: unknown, index: number) => index % 5 > 1;
    const asked = file.manifest.messages.filter(some);
    expect((await headersOf(file, asked)).map(String)).toEqual(names.filter(some).map(header));
    expect(await headersOf(file, [])).toEqual([]);
    await file.close();
  });

  it('keeps empty messages in their place', async () => {
    const spool = await newSpool();
    const writer = newWriter(spool);
    await putMessage(writer, 'empty', Buffer.alloc(0));
    await putMessage(writer, 'one', text('one'));
    await putMessage(writer, 'empty too', Buffer.alloc(0));
    await writer.finish();
    expect(await readBack(spool, writer.batch)).toEqual({ empty: '', one: text('one').toString(), 'empty too': '' });
    const file = await spool.openBatch(alice, writer.batch);
    expect((await headersOf(file)).map(({ length }) => length)).toEqual([0, 16, 0]);
    await file.close();
  });

  it('gives a message larger than what is read at once in pieces', async () => {
    const spool = await newSpool();
    const writer = newWriter(spool);
    const large = Buffer.alloc(2_500_000, 'Subject: large\r\n');
    await putMessage(writer, 'large', large, 64 * 1024);
    await writer.finish();
    const file = await spool.openBatch(alice, writer.batch);
    const sizes: number[] = [];
    for await (const part of file.content(file.manifest.messages[0]!)) sizes.push(part.length);
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBe(64 * 1024);
    expect(sha256(await contentOf(file, file.manifest.messages[0]!))).toBe(sha256(large));
    await file.close();
  });

  it('gives the same bytes where several files are read by turns into buffers that are filled again', async () => {
    const spool = await newSpool(10_000_000);
    const sizes = [10, 70_000, 300, 40_000, 1, 65_536, 200_000];
    const files: BatchFile[] = [];
    for (const name of ['a', 'b']) {
      const writer = newWriter(spool);
      for (const size of sizes) await putMessage(writer, `${name}${size}`, Buffer.alloc(size, `${name}${size} `), 9000);
      await writer.finish();
      files.push(await spool.openBatch(alice, writer.batch));
    }
    // A connection that has taken whatever was given to it: each buffer may be filled again at once.
    const connections = [new ReusedBuffers(() => Infinity), new ReusedBuffers(() => Infinity), undefined];
    for (const buffers of connections) {
      for (const index of sizes.keys()) {
        for (const file of files) {
          const message = file.manifest.messages[index]!;
          const hash = createHash('sha256');
          for await (const piece of file.content(message, buffers)) hash.update(piece);
          expect(hash.digest('hex'), message.uidl).toBe(message.sha256);
        }
      }
    }
    for (const file of files) await file.close();
  });

  it('gives no connection a piece of the buffer of another one', async () => {
    const spool = await newSpool();
    const { batch } = await makeBatch(spool, ['one', 'two']);
    const file = await spool.openBatch(alice, batch);
    const [one, two] = file.manifest.messages;
    const [mine, others] = [new ReusedBuffers(() => Infinity), new ReusedBuffers(() => Infinity)];
    await file.content(one!, others).next();
    const { value: piece } = await file.content(two!, mine).next();
    others.lend().fill(0);
    expect(sha256(piece)).toBe(two!.sha256);
    await file.close();
  });

  it('forgets a message that broke off and goes on with the next', async () => {
    const spool = await newSpool();
    const writer = newWriter(spool);
    await putMessage(writer, 'one', text('one'));
    await writer.write(Buffer.from('Subject: broken off, and longer than what follows it in the file\0'));
    await writer.dropMessage();
    await putMessage(writer, 'two', text('two'));
    const manifest = await writer.finish();
    expect(await readBack(spool, writer.batch)).toEqual({ one: text('one').toString(), two: text('two').toString() });
    expect(manifest.messages.map(({ hasNul }) => hasNul)).toEqual([false, false]);
  });

  it('forgets a message that broke off before its first byte', async () => {
    const spool = await newSpool();
    const writer = newWriter(spool);
    await putMessage(writer, 'one', text('one'));
    await writer.dropMessage();
    await writer.finish();
    expect(await readBack(spool, writer.batch)).toEqual({ one: text('one').toString() });
  });

  it('forgets a message after its end, when it turns out to be known', async () => {
    const spool = await newSpool();
    const writer = newWriter(spool);
    await writer.write(text('known'));
    writer.endMessage();
    await writer.dropMessage();
    await putMessage(writer, 'one', text('one'));
    await writer.finish();
    expect(await readBack(spool, writer.batch)).toEqual({ one: text('one').toString() });
  });

  it('holds what was kept, whatever was dropped in between', async () => {
    const part = fc.record({ size: fc.integer({ min: 1, max: 3000 }), drop: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 12 }), async (parts) => {
        const spool = await newSpool();
        const writer = newWriter(spool);
        const kept: Record<string, string> = {};
        for (const [i, { size, drop }] of parts.entries()) {
          const message = Buffer.alloc(size, `message ${i} `);
          if (drop) {
            await writer.write(message);
            await writer.dropMessage();
          } else {
            await putMessage(writer, `${i}`, message, 700);
            kept[`${i}`] = message.toString('latin1');
          }
        }
        await writer.finish();
        expect(await readBack(spool, writer.batch)).toEqual(kept);
      }),
      { numRuns: 25 },
    );
  });

  it('appears under its name only when it is finished', async () => {
    const spool = await newSpool();
    const writer = newWriter(spool);
    await putMessage(writer, 'large', Buffer.alloc(1_500_000, 'x'), 100_000);
    expect(filesIn(spool)).toEqual([`${batchFileName(alice, writer.batch)}.part`]);
    expect(await spool.found()).toEqual([]);
    await writer.finish();
    expect(filesIn(spool)).toEqual([batchFileName(alice, writer.batch)]);
    expect(await spool.found()).toMatchObject([{ account: alice, batch: writer.batch }]);
  });

  it('is gone without a trace when it is abandoned', async () => {
    const spool = await newSpool();
    const writer = newWriter(spool);
    await putMessage(writer, 'large', Buffer.alloc(1_500_000, 'x'), 100_000);
    await writer.abandon();
    expect(filesIn(spool)).toEqual([]);
  });

  it('gets a name of its own even where others begin in the same millisecond', async () => {
    const spool = await newSpool();
    const names = Array.from({ length: 200 }, () => newWriter(spool).batch);
    expect(new Set(names).size).toBe(200);
  });
});

describe('unfinished files', () => {
  it('are removed for one account and kept for the others', async () => {
    const spool = await newSpool();
    const [mine, others] = [newWriter(spool), newWriter(spool, bob)];
    for (const writer of [mine, others]) await putMessage(writer, 'x', Buffer.alloc(1_200_000, 'x'), 1_200_000);
    const whole = await makeBatch(spool, ['one']);
    await spool.removeUnfinished(alice);
    const left = [batchFileName(alice, whole.batch), `${batchFileName(bob, others.batch)}.part`];
    expect(filesIn(spool).sort()).toEqual(left.sort());
  });
});

describe('a damaged batch file is noticed', () => {
  const damages: [string, (path: string, bytes: Buffer) => void][] = [
    ['cut within its messages', (path) => truncateSync(path, 10)],
    ['cut within its manifest', (path, bytes) => truncateSync(path, bytes.length - 40)],
    ['cut by one byte', (path, bytes) => truncateSync(path, bytes.length - 1)],
    ['empty', (path) => truncateSync(path, 0)],
    ['longer than written', (path) => appendFileSync(path, 'x')],
    ['without its magic', (path, bytes) => writeFileSync(path, flipped(bytes, bytes.length - 1))],
    ['with a flipped byte in its manifest', (path, bytes) => writeFileSync(path, flipped(bytes, bytes.length - 60))],
    ['with a wrong length of its manifest', (path, bytes) => writeFileSync(path, flipped(bytes, bytes.length - 13))],
    ['with an absurd length of its manifest', (path, bytes) => writeFileSync(path, flipped(bytes, bytes.length - 20))],
    ['with fewer bytes of messages', (path, bytes) => writeFileSync(path, bytes.subarray(1))],
    ['with a flipped byte in a message', (path, bytes) => writeFileSync(path, flipped(bytes, 3))],
    ['with zeros in the place of its last message', (path, bytes) => writeFileSync(path, bytes.fill(0, 50, 60))],
  ];

  function flipped(bytes: Buffer, at: number): Buffer {
    const copy = Buffer.from(bytes);
    copy[at]! ^= 0x40;
    return copy;
  }

  it.each(damages)('%s', async (_, damage) => {
    const spool = await newSpool();
    const { batch } = await makeBatch(spool, ['one', 'two']);
    damage(pathOf(spool, batch), readFileSync(pathOf(spool, batch)));
    expect(await codeOf(spool.openBatch(alice, batch))).toBe('spool-damaged');
  });

  it('gone', async () => {
    const spool = await newSpool();
    expect(await codeOf(spool.openBatch(alice, 'gone'))).toBe('spool-damaged');
  });

  it('cut while it is read', async () => {
    const spool = await newSpool();
    const { batch } = await makeBatch(spool, ['one', 'two']);
    const file = await spool.openBatch(alice, batch);
    truncateSync(pathOf(spool, batch), 5);
    expect(await codeOf(contentOf(file, file.manifest.messages[1]!))).toBe('spool-damaged');
    expect(await codeOf(headersOf(file))).toBe('spool-damaged');
    await file.close();
  });
});

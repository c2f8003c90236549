import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { Wire } from '../../src/imap/wire.ts';
import { quick } from './imap-rig.ts';

/** A socket that notes how large each write to the kernel is. */
function notedSocket(): { socket: Socket; writes: number[] } {
  const writes: number[] = [];
  const socket = new Duplex({
    highWaterMark: 1,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.length);
      setImmediate(done);
    },
    writev(chunks, done) {
      writes.push(chunks.reduce((sum, { chunk }) => sum + (chunk as Buffer).length, 0));
      setImmediate(done);
    },
  });
  const resetAndDestroy = () => socket.destroy();
  return { socket: Object.assign(socket, { resetAndDestroy }) as unknown as Socket, writes };
}

test('small pieces go together, large ones are cut, and flush waits for the kernel', async () => {
  const { socket, writes } = notedSocket();
  const events = { onResponse: () => {}, onFailure: () => {} };
  const wire = new Wire(socket, { host: 'h', port: 1, user: 'u' }, quick, events);
  for (let count = 0; count < 100; count++) await wire.write(Buffer.alloc(1000));
  expect(writes).toEqual([]);
  await wire.flush();
  expect(writes).toEqual([100_000]);
  expect(socket.writableLength).toBe(0);
  await wire.write(Buffer.alloc(1_000_000));
  await wire.flush();
  expect(writes.reduce((sum, size) => sum + size)).toBe(1_100_000);
  expect(Math.max(...writes)).toBe(131_072);
  wire.writeNow(Buffer.from('\r\n'));
  expect(writes.at(-1)).toBe(2);
  wire.fail(new Error('over'));
  await expect(wire.write(Buffer.alloc(1))).rejects.toThrow('over');
});

test('a buffer of the wire is not lent again while the socket may still send from it', async () => {
  const got: Buffer[] = [];
  let take = () => {};
  // Takes each write when it is told to, and looks at the bytes only then, as a kernel does whose window is closed.
  const socket = new Duplex({
    highWaterMark: 1,
    read() {},
    writev(chunks, done) {
      take = () => {
        take = () => {};
        for (const { chunk } of chunks) got.push(Buffer.from(chunk as Buffer));
        done();
      };
    },
  });
  const events = { onResponse: () => {}, onFailure: () => {} };
  const wire = new Wire(socket as unknown as Socket, { host: 'h', port: 1, user: 'u' }, quick, events);
  const sent: Buffer[] = [];
  for (let count = 0; count < 40; count++) {
    const buffer = wire.buffers.lend().fill(count);
    // Two whole buffers are exactly as much as may be on its way while more is gathered.
    const piece = buffer.subarray(count < 20 ? 0 : count);
    sent.push(Buffer.from(piece));
    const words = Buffer.from(count < 20 ? '' : `words ${count}`);
    sent.push(words);
    let isWritten = false;
    const written = wire
      .write(piece)
      .then(() => wire.write(words))
      .then(() => {
        isWritten = true;
      });
    for (;;) {
      await new Promise(setImmediate);
      if (isWritten) break;
      take();
    }
    await written;
  }
  const flushed = wire.flush();
  while (socket.writableLength > 0) {
    take();
    await new Promise(setImmediate);
  }
  await flushed;
  expect(Buffer.concat(got).equals(Buffer.concat(sent))).toBe(true);
});

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

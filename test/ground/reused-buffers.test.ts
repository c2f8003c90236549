import { expect, test } from 'vitest';
import { ReusedBuffers, reusedBufferBytes } from '../../src/ground/reused-buffers.ts';

/** Buffers of a connection that takes what it is told to take. */
function connection() {
  const state = { taken: 0, sent: 0 };
  const buffers = new ReusedBuffers(() => state.taken);
  const send = (piece: Buffer) => {
    state.sent += piece.length;
    buffers.hold(piece, state.sent);
  };
  return { state, buffers, send };
}

test('a buffer is lent again only when the connection has taken the last byte of it', () => {
  const { state, buffers, send } = connection();
  const first = buffers.lend();
  expect(first.length).toBe(reusedBufferBytes);
  send(first.subarray(0, 10));
  send(first.subarray(10, 30));
  state.taken = 29;
  const second = buffers.lend();
  expect(second.buffer).not.toBe(first.buffer);
  send(second.subarray(0, 5));
  state.taken = 30;
  expect(buffers.lend().buffer).toBe(first.buffer);
});

test('whoever had a buffer is told that it was lent to somebody else, even where it is the same memory', () => {
  const { buffers } = connection();
  const first = buffers.lend();
  expect(buffers.isLent(first)).toBe(true);
  const second = buffers.lend();
  expect(second.buffer).toBe(first.buffer);
  expect(buffers.isLent(first)).toBe(false);
  expect(buffers.isLent(second)).toBe(true);
});

test('a connection that takes nothing gets buffers as long as it asks, and keeps eight of them', () => {
  const { state, buffers, send } = connection();
  const memories = Array.from({ length: 20 }, () => {
    const lent = buffers.lend();
    send(lent);
    return lent.buffer;
  });
  expect(new Set(memories).size).toBe(20);
  state.taken = state.sent;
  const again = Array.from({ length: 20 }, () => {
    const lent = buffers.lend();
    send(lent);
    return lent.buffer;
  });
  expect(again.filter((memory) => memories.includes(memory))).toEqual(memories.slice(0, 8));
});

test('bytes that are not of its buffers are of no interest', () => {
  const { state, buffers, send } = connection();
  const lent = buffers.lend();
  send(Buffer.from('words'));
  state.taken = 0;
  expect(buffers.lend().buffer).toBe(lent.buffer);
});

/** What the tests of this folder share: an endpoint, quick limits, messages. */
import { expect } from 'vitest';
import type { AppendCommand, AppendMessage } from '../../src/imap/append-channel.ts';
import type { ImapEndpoint, ImapOptions } from '../../src/imap/door.ts';

export const quick: ImapOptions = {
  imapConnectTimeoutMs: 5000,
  imapLoginTimeoutMs: 5000,
  imapCommandTimeoutMs: 5000,
  imapWriteTimeoutMs: 5000,
  imapLineMaxBytes: 65_536,
  literalSyncBytes: 1_048_576,
  appendPipelineCommands: 64,
};

export function endpoint(port: number, more: Partial<ImapEndpoint> = {}): ImapEndpoint {
  return { host: '127.0.0.1', port, security: 'none', auth: 'auto', user: 'ann', password: 'pw-se"cr\\et', ...more };
}

/** A message of these bytes, handed out in pieces that do not match its lines. */
export function message(bytes: Buffer, more: Partial<AppendMessage> = {}): AppendMessage {
  return {
    flags: [],
    size: bytes.length,
    hasNul: bytes.includes(0),
    async *open() {
      const step = Math.max(1000, bytes.length >> 3);
      for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
    },
    ...more,
  };
}

/** A command whose fence always holds. */
export function command(messages: readonly AppendMessage[], more: Partial<AppendCommand> = {}): AppendCommand {
  return { path: 'INBOX', messages, beforeClosing: async () => {}, ...more };
}

/** A message of about `size` bytes that is like no other: its lines look like commands and answers. */
export function mail(id: number, size = 300): Buffer {
  const head = `Message-ID: <${id}@example.com>\r\nSubject: ${id}\r\n\r\n`;
  const line = `h${id} NO [TOOBIG] {${id}}\r\nx LOGOUT\r\n* BYE \u00e4\u0080\r\n`;
  const body = line.repeat(Math.max(1, Math.ceil((size - head.length) / line.length)));
  return Buffer.from(head + body, 'latin1');
}

export interface Latch {
  promise: Promise<void>;
  open(): void;
  fail(error: Error): void;
}

/** A promise that the test decides. */
export function latch(): Latch {
  let open!: () => void;
  let fail!: (error: Error) => void;
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  promise.catch(() => {});
  return { promise, open, fail };
}

/** The error a promise ends in. */
export async function errorOf(
  promise: Promise<unknown>,
): Promise<Error & { code?: string; details?: Record<string, unknown> }> {
  try {
    await promise;
  } catch (thrown) {
    return thrown as Error;
  }
  throw new Error('it did not fail');
}

/** Compares byte for byte; vitest's own comparison takes seconds for a megabyte. */
export function expectBytes(actual: readonly Buffer[], expected: readonly Buffer[]): void {
  expect(actual.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  expect(actual.map((bytes, index) => bytes.equals(expected[index]!))).toEqual(expected.map(() => true));
}

/** Whether a copy is one: counts after every run, bytes where they are asked for. */
import { createHash } from 'node:crypto';
import { BareSocket } from '../../src/demo/bare-socket.ts';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { canonical, mailboxContents, popContents } from '../../src/demo/witness.ts';

/** How often each content occurs, by the SHA-256 of its canonical form. */
export type Contents = ReadonlyMap<string, number>;

/** How the bytes of source and destination agree, in messages. */
export interface Bytes {
  exact: number;
  missing: number;
  /** Altered, foreign or doubled. */
  extra: number;
}

const password = 'pw';

/** What a maildrop gives, read with a client that shares nothing with what is measured. */
export function sourceContents(port: number, user: string): Promise<Contents> {
  return contents(popContents({ port, user, password }));
}

/** What is made, as it must arrive: for mail that takes too long to be read from the source. */
export function madeContents(messages: Iterable<{ bytes: Buffer }>): Contents {
  const counts = new Map<string, number>();
  for (const message of messages) count(counts, message);
  return counts;
}

/** What all mailboxes of a user hold. */
export function destinationContents(port: number, user: string): Promise<Contents> {
  return contents(mailboxContents({ port, user, password }));
}

/** The same of messages that are at hand. */
export async function contents(
  messages: AsyncIterable<{ bytes: Buffer }> | Iterable<{ bytes: Buffer }>,
): Promise<Contents> {
  const counts = new Map<string, number>();
  for await (const message of messages) count(counts, message);
  return counts;
}

function count(counts: Map<string, number>, { bytes }: { bytes: Buffer }): void {
  const digest = createHash('sha256').update(canonical(bytes)).digest('hex');
  counts.set(digest, (counts.get(digest) ?? 0) + 1);
}

/** Holds both sides against each other. */
export function compareContents(source: Contents, destination: Contents): Bytes {
  const bytes = { exact: 0, missing: 0, extra: 0 };
  for (const [digest, count] of source) {
    const found = destination.get(digest) ?? 0;
    bytes.exact += Math.min(count, found);
    bytes.missing += Math.max(0, count - found);
  }
  for (const [digest, count] of destination) bytes.extra += Math.max(0, count - (source.get(digest) ?? 0));
  return bytes;
}

/** How many messages POP3 lists. */
export async function maildropCount(port: number, user: string): Promise<number> {
  const socket = await BareSocket.connect(port);
  try {
    await socket.line();
    let answer = '';
    for (const command of [`USER ${user}`, `PASS ${password}`, 'STAT']) {
      socket.write(`${command}\r\n`);
      answer = await socket.line();
      if (!answer.startsWith('+OK')) throw new Error(`${command.split(' ')[0]}: ${answer}`);
    }
    return Number(answer.split(' ')[1]);
  } finally {
    socket.close();
  }
}

/** How many messages all mailboxes of a user hold. */
export async function mailboxCount(server: Dovecot, user: string): Promise<number> {
  const text = await server.doveadm(['mailbox', 'status', '-u', user, 'messages', '*']);
  return [...text.matchAll(/messages=(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}

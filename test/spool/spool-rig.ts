/** What the tests of the spool share: a directory that ends with the test, and batches made of bytes. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { uidlKey } from '../../src/ledger/record.ts';
import { headerEnd } from '../../src/message/header.ts';
import type { BatchFile, Manifest, SpooledMessage } from '../../src/spool/batch-file.ts';
import { BatchWriter, type MessageFacts } from '../../src/spool/batch-writer.ts';
import { Spool } from '../../src/spool/spool.ts';

export const alice = 'a'.repeat(32);
export const bob = 'b'.repeat(32);

/** An empty directory, gone when the test is over. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export async function newSpool(maxBytes = 1_000_000): Promise<Spool> {
  return Spool.open(newDirectory(), maxBytes);
}

export function newWriter(spool: Spool, account = alice): BatchWriter {
  return new BatchWriter(spool, { account, id: 'somebody', kind: 'messages', firstRun: true });
}

export function facts(uidl: string, message: Buffer): MessageFacts {
  return {
    key: uidlKey(Buffer.from(uidl, 'latin1')).toString('hex'),
    uidl,
    headerBytes: Math.max(0, headerEnd(message)),
    fingerprint: createHash('sha256').update(uidl).digest('hex').slice(0, 18),
    hasMessageId: true,
  };
}

/** Writes one message in pieces of `step` bytes. */
export async function putMessage(writer: BatchWriter, uidl: string, message: Buffer, step = 7): Promise<void> {
  for (let at = 0; at < message.length; at += step) await writer.write(message.subarray(at, at + step));
  writer.keep(writer.endMessage(), facts(uidl, message));
}

/** A whole batch of short messages. */
export async function makeBatch(spool: Spool, uidls: readonly string[], account = alice): Promise<Manifest> {
  const writer = newWriter(spool, account);
  for (const uidl of uidls) await putMessage(writer, uidl, Buffer.from(`Subject: ${uidl}\r\n\r\nthis is ${uidl}\r\n`));
  return writer.finish();
}

export async function contentOf(file: BatchFile, message: SpooledMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of file.content(message)) parts.push(part);
  return Buffer.concat(parts);
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

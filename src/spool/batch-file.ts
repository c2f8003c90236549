/**
 * The batch file: messages as RETR gave them, one behind the other, then a manifest that describes them, then a footer
 * that tells where the manifest begins. Whoever finds such a file needs nothing else to go on with it.
 *
 *     message bytes … | manifest (JSON) | manifest length (8 bytes, big-endian) | CRC-32 of the manifest (4) | magic (8)
 */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { MailhaulError } from '../ground/errors.ts';
import { type ReusedBuffers, reusedBufferBytes } from '../ground/reused-buffers.ts';
import type { HeadersByOffset } from './spooled-headers.ts';

const magic = Buffer.from('MHBATCH1', 'latin1');
const footerBytes = 8 + 4 + magic.length;
const manifestMaxBytes = 64 * 1024 * 1024;
/** Messages are read in pieces of this size, several small ones at once: a call for each would cost more than its bytes. */
const windowBytes = reusedBufferBytes;

/** Headers are read together where they lie in a span of this size: a read costs more than the bytes between them. */
const headerSpanBytes = 128 * 1024;
/** Reads of headers that are under way at once. */
const headerReads = 4;

/** One message of a batch. */
export interface SpooledMessage {
  /** The message's key in the ledger: 20 hexadecimal digits. */
  readonly key: string;
  /** The source's unique id, as Latin-1; empty when it has none. */
  readonly uidl: string;
  /** Where its bytes begin in the file. */
  readonly offset: number;
  /** How many bytes it has. */
  readonly size: number;
  /** Bytes of its header, bounded by `headerMaxBytes`. */
  readonly headerBytes: number;
  /** SHA-256 of its bytes, hexadecimal. */
  readonly sha256: string;
  /** Its fingerprint, hexadecimal. */
  readonly fingerprint: string;
  readonly hasMessageId: boolean;
  readonly hasNul: boolean;
}

/** What a batch file says of itself. */
export interface Manifest {
  readonly version: 1;
  /** Name of the batch: unique, sorted by time of creation. */
  readonly batch: string;
  /** Key of the account. */
  readonly account: string;
  /** Id of the account, for a person who finds the file. */
  readonly id: string;
  /** `probes`: no bytes, only fingerprints of messages that may be at the destination already. */
  readonly kind: 'messages' | 'probes';
  /** True when the account's first run fetched it: such mail arrives as read by default. */
  readonly firstRun: boolean;
  /** What the fingerprints are made of, where it is not the usual. */
  readonly fingerprints?: string;
  /** Bytes of all messages. */
  readonly bytes: number;
  readonly messages: readonly SpooledMessage[];
}

/** The end of a batch file whose messages have `manifest.bytes` bytes. */
export function batchTail(manifest: Manifest): Buffer {
  const json = Buffer.from(JSON.stringify(manifest), 'utf8');
  const footer = Buffer.alloc(footerBytes);
  footer.writeBigUInt64BE(BigInt(json.length), 0);
  footer.writeUInt32BE(crc32(json), 8);
  magic.copy(footer, 12);
  return Buffer.concat([json, footer]);
}

/** A piece of the file in memory. */
interface Window {
  readonly from: number;
  readonly to: number;
  readonly bytes: Promise<Buffer>;
  /** The buffer that it was read into; undefined where nobody fills it again. */
  readonly lent?: Buffer | undefined;
}

/** An open batch file. */
export class BatchFile {
  readonly manifest: Manifest;
  readonly path: string;
  readonly #file: FileHandle;
  #window: Window = nothing();
  /**
   * Headers that need not be read: those of a batch that this process spooled a moment ago. Its bytes are still in
   * memory then (in the system's page cache), and to hand their reading to another thread costs more than to copy them.
   */
  readonly #headers: HeadersByOffset | undefined;

  private constructor(path: string, file: FileHandle, manifest: Manifest, headers: HeadersByOffset | undefined) {
    this.path = path;
    this.#file = file;
    this.manifest = manifest;
    this.#headers = headers;
  }

  /**
   * Opens a batch file and reads its manifest. Throws `spool-damaged` when it is not whole. `headers` are given by the process
   * that wrote it a moment ago; anybody else reads it to its end first, since the machine may have stopped before it was durable.
   */
  static async open(path: string, headers?: HeadersByOffset): Promise<BatchFile> {
    const file = await open(path, 'r').catch((error: Error) => {
      throw damaged(path, error.message, error);
    });
    try {
      const batch = new BatchFile(path, file, await readManifest(path, file), headers);
      if (!headers) await batch.#verify();
      return batch;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * The header of each message, `headerBytes` long. For messages in the order of the file: headers that lie near each
   * other are read at once, and a few reads are under way while the one before them is looked at.
   */
  async *headers(messages: readonly SpooledMessage[]): AsyncGenerator<Buffer> {
    const known = messages.map(({ offset }) => this.#headers?.get(offset));
    if (known.every((header) => header !== undefined)) return yield* known;
    const groups = headerGroups(messages);
    const reads: Promise<Buffer>[] = [];
    for (const [i, { from, messages: near }] of groups.entries()) {
      for (const group of groups.slice(i === 0 ? 0 : i + headerReads - 1, i + headerReads)) {
        const read = this.#read(group.from, group.to - group.from);
        // Whoever comes to it is told; after a failure nobody does.
        read.catch(() => {});
        reads.push(read);
      }
      const bytes = await reads.shift()!;
      for (const { offset, headerBytes } of near) yield bytes.subarray(offset - from, offset - from + headerBytes);
    }
  }

  /**
   * The bytes of a message in pieces of at most 64 KiB. Where `buffers` are given each piece is good until the next is asked for,
   * or for as long as it is held there. Throws `spool-damaged` when the file is shorter than it says.
   */
  async *content(message: SpooledMessage, buffers?: ReusedBuffers): AsyncGenerator<Buffer> {
    const end = message.offset + message.size;
    for (let at = message.offset; at < end; ) {
      const piece = await this.#piece(at, end, buffers);
      at += piece.length;
      yield piece;
    }
  }

  /** Holds each message against its digest. */
  async #verify(): Promise<void> {
    // Probes have fingerprints alone.
    if (this.manifest.kind === 'probes') return;
    for (const message of this.manifest.messages) {
      const hash = createHash('sha256');
      for await (const piece of this.content(message)) hash.update(piece);
      if (hash.digest('hex') !== message.sha256) {
        throw damaged(this.path, 'a message is not what was written');
      }
    }
    this.rest();
  }

  /** Keeps no content in memory until it is asked again. */
  rest(): void {
    this.#window = nothing();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Bytes from `at`, as many as the window there has and at most to `end`. Messages are read one behind the other. */
  async #piece(at: number, end: number, buffers: ReusedBuffers | undefined): Promise<Buffer> {
    if (at < this.#window.from || at >= this.#window.to || !this.#isGood(buffers)) {
      const to = Math.min(at + windowBytes, this.manifest.bytes);
      const lent = buffers?.lend();
      this.#window = { from: at, to, bytes: this.#read(at, to - at, lent), lent };
    }
    const { from, to, bytes } = this.#window;
    return (await bytes).subarray(at - from, Math.min(end, to) - from);
  }

  /** Whether the window still holds what was read into it, and nobody else's buffer. */
  #isGood(buffers: ReusedBuffers | undefined): boolean {
    const { lent } = this.#window;
    return lent === undefined ? buffers === undefined : buffers?.isLent(lent) === true;
  }

  async #read(position: number, length: number, into: Buffer = Buffer.allocUnsafe(length)): Promise<Buffer> {
    const bytes = into.subarray(0, length);
    const bytesRead = this.#headers
      ? readSync(this.#file.fd, bytes, 0, length, position)
      : (await this.#file.read(bytes, 0, length, position)).bytesRead;
    if (bytesRead !== length) throw damaged(this.path, 'it is too short');
    return bytes;
  }
}

function nothing(): Window {
  return { from: 0, to: 0, bytes: Promise.resolve(Buffer.alloc(0)) };
}

/** Messages whose headers are read at once, and where. */
interface HeaderGroup {
  readonly from: number;
  to: number;
  readonly messages: SpooledMessage[];
}

function headerGroups(messages: readonly SpooledMessage[]): HeaderGroup[] {
  const groups: HeaderGroup[] = [];
  for (const message of messages) {
    const last = groups.at(-1);
    const to = message.offset + message.headerBytes;
    if (last && message.offset >= last.to && to - last.from <= headerSpanBytes) {
      last.to = to;
      last.messages.push(message);
    } else groups.push({ from: message.offset, to, messages: [message] });
  }
  return groups;
}

function damaged(path: string, reason: string, cause?: Error): MailhaulError {
  return new MailhaulError('spool-damaged', { path, reason }, cause);
}

async function readManifest(path: string, file: FileHandle): Promise<Manifest> {
  const { size } = await file.stat();
  const footer = Buffer.alloc(footerBytes);
  if (size < footerBytes) throw damaged(path, 'it is too short');
  await file.read(footer, 0, footerBytes, size - footerBytes);
  if (!footer.subarray(12).equals(magic)) throw damaged(path, 'its end is missing');
  const length = Number(footer.readBigUInt64BE(0));
  if (length > manifestMaxBytes || length > size - footerBytes) throw damaged(path, 'its manifest is missing');
  const json = Buffer.alloc(length);
  await file.read(json, 0, length, size - footerBytes - length);
  if (crc32(json) !== footer.readUInt32BE(8)) throw damaged(path, 'its manifest is not what was written');
  const manifest = JSON.parse(json.toString('utf8')) as Manifest;
  if (manifest.bytes + length + footerBytes !== size) throw damaged(path, 'its size is wrong');
  return manifest;
}

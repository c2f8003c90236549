/** Writing one batch file: bytes are gathered, hashed and written while they arrive; the file appears when it is whole. */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { batchTail, type Manifest, type SpooledMessage } from './batch-file.ts';
import { batchFileName, type SpoolDirectory } from './spool-directory.ts';
import { spoolError } from './spool-error.ts';
import type { HeadersByOffset } from './spooled-headers.ts';
import { writeAll } from './write-all.ts';

/** Pieces are gathered up to this size and written together. */
const gatherBytes = 128 * 1024;

/** What the writer cannot know of a message by its bytes alone. */
export type MessageFacts = Pick<SpooledMessage, 'key' | 'uidl' | 'headerBytes' | 'fingerprint' | 'hasMessageId'>;

/** What the bytes of a message tell. */
export type MessageBytes = Pick<SpooledMessage, 'size' | 'sha256' | 'hasNul'>;

/** Whose batch it is: the parts of the manifest that are known before the first byte. */
export type BatchOwner = Pick<Manifest, 'account' | 'id' | 'kind' | 'firstRun' | 'fingerprints'>;

/** One batch file that is being written. Not for use by two callers at once. */
export class BatchWriter {
  readonly batch: string;
  readonly #spool: SpoolDirectory;
  readonly #owner: BatchOwner;
  readonly #path: string;
  #file: FileHandle | undefined;
  readonly #messages: SpooledMessage[] = [];
  readonly #headers = new Map<number, Buffer>();
  /** Bytes of finished messages. */
  #bytes = 0;
  /** Bytes of the message that is being written. */
  #open = 0;
  #hash: Hash = createHash('sha256');
  #hasNul = false;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  /** Where the next gathered bytes go in the file. */
  #position = 0;
  /** Bytes that are in the file for certain. */
  #written = 0;
  /** How long the file is: longer than what it is to hold where a message was dropped. */
  #length = 0;
  /** Settles when the file is open and has all that was to be written; pieces are written one behind the other. */
  #writing: Promise<void> = Promise.resolve();
  /** A writer that lost bytes once takes no more: what it wrote after them would be at the wrong place. */
  #failure: Error | undefined;
  #lost: Error | undefined;

  constructor(spool: SpoolDirectory, owner: BatchOwner) {
    this.#spool = spool;
    this.#owner = owner;
    this.batch = newBatchName();
    this.#path = join(spool.directory, `${batchFileName(owner.account, this.batch)}.part`);
  }

  get messages(): number {
    return this.#messages.length;
  }

  /** Bytes of the messages that are whole. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Headers of messages that were kept with theirs. */
  get headers(): HeadersByOffset {
    return this.#headers;
  }

  /** Why a finished batch lacks messages that were kept; undefined where it has them all. */
  get lost(): Error | undefined {
    return this.#lost;
  }

  /** Adds bytes to the current message; keeps the buffer until it is written. Waits for the file to be opened. */
  write(chunk: Buffer): Promise<void> | undefined {
    this.#hash.update(chunk);
    this.#hasNul ||= chunk.includes(0);
    this.#open += chunk.length;
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    if (this.#gatheredBytes < gatherBytes) return undefined;
    const before = this.#writing;
    this.#writeOut();
    return before;
  }

  /** The current message is whole: what its bytes tell. `keep` or `dropMessage` must follow. */
  endMessage(): MessageBytes {
    return { size: this.#open, sha256: this.#hash.digest('hex'), hasNul: this.#hasNul };
  }

  /** Takes the message that has ended into the batch; its `header` is `headerBytes` long, and may be left out. */
  keep(bytes: MessageBytes, facts: MessageFacts, header?: Buffer): void {
    this.#messages.push({ ...facts, ...bytes, offset: this.#bytes });
    if (header) this.#headers.set(this.#bytes, header);
    this.#bytes += this.#open;
    this.#startMessage();
  }

  /** Forgets the current message: its connection broke, or it was refused. */
  async dropMessage(): Promise<void> {
    if (this.#open > 0 && !this.#failure) {
      await this.#flush();
      this.#position = this.#bytes;
    }
    this.#startMessage();
  }

  /**
   * Ends the file and gives it its name. It is whole then, and not durable: `Spool.makeDurable` is for before QUIT. Throws
   * `spool-full` or `spool-failed`; the file is gone then.
   */
  async finish(): Promise<Manifest> {
    await this.#writing.catch(() => {});
    if (this.#failure) {
      this.#lost = this.#failure;
      await this.#keepWritten(this.#failure);
    }
    const manifest: Manifest = {
      version: 1,
      batch: this.batch,
      ...this.#owner,
      bytes: this.#bytes,
      messages: this.#messages,
    };
    const tail = batchTail(manifest);
    try {
      this.#gathered.push(tail);
      this.#gatheredBytes += tail.length;
      await this.#flush();
      // Each step waits for its turn among all that arrives: none is taken that is not needed, or before it is.
      if (this.#length > this.#position) await this.#file!.truncate(this.#position);
      // Closed before others hear of it: a network file system shows them what was written to a file that is closed.
      await this.#file!.close();
      await rename(this.#path, join(this.#spool.directory, basename(this.#path, '.part')));
    } catch (error) {
      await this.abandon();
      throw spoolError(this.#spool.directory, error);
    }
    return manifest;
  }

  /** After a full disk: the messages that were written whole stay, and what was written of others makes room. */
  async #keepWritten(failure: Error): Promise<void> {
    const whole = this.#messages.filter(({ offset, size }) => offset + size <= this.#written);
    const last = whole.at(-1);
    if (!last || !this.#file) {
      await this.abandon();
      throw failure;
    }
    this.#messages.length = whole.length;
    this.#bytes = last.offset + last.size;
    this.#position = this.#bytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#failure = undefined;
    this.#writing = Promise.resolve();
    await this.#file.truncate(this.#bytes);
  }

  /** Removes what was written. */
  async abandon(): Promise<void> {
    await this.#writing.catch(() => {});
    await this.#file?.close().catch(() => {});
    await unlink(this.#path).catch(() => {});
  }

  #startMessage(): void {
    this.#open = 0;
    this.#hash = createHash('sha256');
    this.#hasNul = false;
  }

  async #flush(): Promise<void> {
    this.#writeOut();
    await this.#writing;
  }

  /** Hands what was gathered to the disk, behind what is on its way already. */
  #writeOut(): void {
    const gathered = this.#gathered;
    const position = this.#position;
    this.#position += this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    const before = this.#writing;
    this.#writing = this.#write(gathered, position, before);
    // Whoever waits for it next is told; nobody may.
    this.#writing.catch(() => {});
  }

  async #write(gathered: Buffer[], position: number, before: Promise<void>): Promise<void> {
    await before;
    try {
      this.#file ??= await open(this.#path, 'wx', 0o600);
      writeAll(this.#file.fd, gathered, position, (to) => {
        this.#written = to;
        this.#length = Math.max(this.#length, to);
      });
    } catch (error) {
      this.#failure = spoolError(this.#spool.directory, error);
      throw this.#failure;
    }
  }
}

/** Sorted by time, unique without asking anybody. */
function newBatchName(): string {
  return `${Date.now().toString(36).padStart(9, '0')}-${randomBytes(5).toString('hex')}`;
}

/**
 * The ceiling with what the plainest way to lose no message and change no byte takes, and nothing else: the SHA-256 of each
 * message, and files in which the messages are durable before they are given on, from which they are read again. It shares
 * no code with Mailhaul. Arguments: DIRECTORY, and those of the ceiling.
 */
import { createHash } from 'node:crypto';
import { closeSync, fdatasync, openSync, readSync, renameSync, unlinkSync, writevSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type MessageSink, main } from './ceiling.ts';

const batchMessages = 100;
const batchBytes = 8_000_000;
/** Files that may be on their way to the disk; then nothing more is read from the source. */
const batchesOpen = 3;
/** Messages that are written at once. */
const writtenAtOnce = 16;
const makeDurable = promisify(fdatasync);
let files = 0;

/** Keeps messages in files until these are durable, and gives them on in their order. */
class DurableSpool implements MessageSink {
  readonly done: Promise<void>;
  onRoom: () => void = () => {};
  readonly #directory: string;
  readonly #destination: MessageSink;
  #gathered: Buffer[] = [];
  #bytes = 0;
  #open = 0;
  #before: Promise<void> = Promise.resolve();
  #fail: (error: unknown) => void = () => {};

  constructor(directory: string, destination: MessageSink) {
    this.#directory = directory;
    this.#destination = destination;
    destination.onRoom = () => this.#tellRoom();
    const failed = new Promise<never>((_, fail) => {
      this.#fail = fail;
    });
    this.done = Promise.race([destination.done, failed]);
  }

  get isFull(): boolean {
    return this.#open >= batchesOpen || this.#destination.isFull;
  }

  put(message: Buffer): void {
    createHash('sha256').update(message).digest('hex');
    this.#bytes += message.length;
    if (this.#gathered.push(message) === batchMessages || this.#bytes >= batchBytes) this.#close();
  }

  end(): void {
    if (this.#gathered.length > 0) this.#close();
    void this.#before.then(() => this.#destination.end());
  }

  #close(): void {
    const batch = this.#gathered;
    this.#gathered = [];
    this.#bytes = 0;
    this.#open += 1;
    this.#before = this.#keep(batch, this.#before);
    this.#before.catch(this.#fail);
  }

  async #keep(batch: readonly Buffer[], before: Promise<void>): Promise<void> {
    files += 1;
    const path = join(this.#directory, `batch-${files}`);
    const file = openSync(`${path}.part`, 'wx+', 0o600);
    let length = 0;
    for (let at = 0; at < batch.length; at += writtenAtOnce) {
      length += writevSync(file, batch.slice(at, at + writtenAtOnce), length);
    }
    await makeDurable(file);
    await before;
    renameSync(`${path}.part`, path);
    const read = Buffer.allocUnsafe(length);
    readSync(file, read, 0, length, 0);
    closeSync(file);
    unlinkSync(path);
    let from = 0;
    for (const message of batch) {
      this.#destination.put(read.subarray(from, from + message.length));
      from += message.length;
    }
    this.#open -= 1;
    this.#tellRoom();
  }

  #tellRoom(): void {
    if (!this.isFull) this.onRoom();
  }
}

if (process.argv[1] !== undefined && /\bdurable\.[jt]s$/.test(process.argv[1])) {
  const [directory = '', ...others] = process.argv.slice(2);
  await main(others, (destination) => new DurableSpool(directory, destination));
}

/** One line a message: the CSV file of `--messages`. */
import { type FileHandle, open } from 'node:fs/promises';
import { csvLine } from '../ground/csv.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { Verdict } from './verdict.ts';

const columns = ['account', 'uidl', 'message_id', 'mailbox', 'uid', 'size', 'verdict', 'reason', 'sha256'] as const;
const bufferChars = 65536;

/** One message. */
export interface Row {
  readonly account: string;
  /** Empty where the source does not list the message any more. */
  readonly uidl: string;
  readonly messageId: string;
  /** Where it is; where it was delivered to if it is missing; empty where there is no such place. */
  readonly mailbox: string;
  /** 0 where none is known. */
  readonly uid: number;
  /** Bytes at the source. */
  readonly size: number;
  readonly verdict: Verdict;
  readonly reason: string;
  /** SHA-256 of the bytes at the source, hexadecimal; its beginning where only the ledger has it; empty if not asked for. */
  readonly sha256: string;
}

/** The file, readable by its owner alone: what is in it is private. */
export class RowFile {
  readonly #path: string;
  readonly #file: FileHandle;
  /** Accounts come one after the other, each whole. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** Creates or empties the file and writes its first line. Throws `verify-file`. */
  static async create(path: string): Promise<RowFile> {
    const file = await open(path, 'w', 0o600).catch((error: Error) => {
      throw fileError(path, error);
    });
    const rows = new RowFile(path, file);
    await rows.#write(csvLine(columns));
    return rows;
  }

  /** Writes the rows of an account as they are made. Throws `verify-file`. */
  add(rows: Iterable<Row>): Promise<void> {
    const mine = this.#turn.then(() => this.#writeAll(rows));
    this.#turn = mine.catch(() => {});
    return mine;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#file.close();
  }

  async #writeAll(rows: Iterable<Row>): Promise<void> {
    let text = '';
    for (const row of rows) {
      text += csvLine(columns.map((column) => row[column === 'message_id' ? 'messageId' : column]));
      if (text.length < bufferChars) continue;
      await this.#write(text);
      text = '';
    }
    await this.#write(text);
  }

  async #write(text: string): Promise<void> {
    await this.#file.appendFile(text).catch((error: Error) => {
      throw fileError(this.#path, error);
    });
  }
}

function fileError(path: string, error: Error): MailhaulError {
  return new MailhaulError('verify-file', { path, reason: error.message });
}

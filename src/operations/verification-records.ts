/**
 * The records of verifications: one file for each account in the data directory, the newest in the place of the one
 * before. They are no part of the ledger: verify writes nothing there, and a flushed Redis does not take them along.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { MailhaulError, printable } from '../ground/errors.ts';
import { syncFolder } from '../ground/made-once.ts';
import { recordsOf, type VerificationRecord } from '../report/verification.ts';

const filesAtOnce = 50;
const documentMaxBytes = 512 * 1024 * 1024;

const count = z.number().int().min(0);
const problem = z.object({ code: z.string().max(100), count });
const instant = z.iso.datetime();
const drawn = { size: z.string().max(20), seed: count };
const chosen = { compared: count, of: count };

const recordSchema = z.object({
  version: z.literal(1),
  startedAt: instant,
  finishedAt: instant,
  by: z.string().max(50),
  depth: z.enum(['headers', 'content', 'sample', 'unknown']),
  sample: z.object({ ...drawn, ...chosen }).optional(),
  state: z.enum(['complete', 'incomplete']),
  verdicts: z.record(z.string().max(50), count).optional(),
  problems: z.array(problem),
  delivered: count.optional(),
});

const documentSchema = z.object({
  version: z.literal(1),
  run: z.object({
    id: z.literal('verify'),
    startedAt: instant,
    finishedAt: instant,
    sample: z.object({ ...drawn, accounts: z.record(z.string(), z.object(chosen)) }).optional(),
  }),
  accounts: z.array(
    z.object({
      id: z.string(),
      state: z.enum(['queued', 'running', 'waiting', 'paused', 'complete', 'incomplete', 'failed']),
      problems: z.array(problem),
    }),
  ),
});

/** The folder of the records. */
export class VerificationRecords {
  readonly #folder: string;

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'verification');
  }

  /** Makes the folder, so that who cannot write there is told before hours of work. Throws `verification-file`. */
  async prepare(): Promise<void> {
    await writing(this.#folder, () => mkdir(this.#folder, { recursive: true, mode: 0o700 }));
  }

  /** Puts the record of an account in the place of the one before: whole or not at all. Throws `verification-file`. */
  async keep(account: string, record: VerificationRecord): Promise<void> {
    const path = this.#path(account);
    const draft = `${path}.${randomUUID()}`;
    await writing(path, async () => {
      try {
        const file = await open(draft, 'wx', 0o600);
        try {
          await file.writeFile(`${JSON.stringify({ version: 1, ...record }, null, 2)}\n`);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, path);
        await syncFolder(this.#folder);
      } finally {
        await rm(draft, { force: true });
      }
    });
  }

  /** The records of accounts by their keys; those without one, or with one that cannot be read, are left out. */
  async read(accounts: readonly string[]): Promise<Map<string, VerificationRecord>> {
    const records = new Map<string, VerificationRecord>();
    for (let at = 0; at < accounts.length; at += filesAtOnce) {
      const part = accounts.slice(at, at + filesAtOnce);
      const found = await Promise.all(part.map((account) => this.#read(account)));
      for (const [i, record] of found.entries()) if (record) records.set(part[i]!, record);
    }
    return records;
  }

  async #read(account: string): Promise<VerificationRecord | undefined> {
    const text = await readFile(this.#path(account), 'utf8').catch(() => '');
    return parsed(text, recordSchema) as VerificationRecord | undefined;
  }

  #path(account: string): string {
    return join(this.#folder, `${account}.json`);
  }
}

/** The records in the document of `verify --json`, by the ids of its accounts. Throws `verification-file`. */
export async function readVerifyDocument(path: string): Promise<Map<string, VerificationRecord>> {
  const file = await open(path).catch((error: Error) => {
    throw new MailhaulError('verification-file', { path, reason: error.message });
  });
  const text = await writing(path, async () => {
    const { size } = await file.stat();
    if (size > documentMaxBytes) throw new Error(`it has ${size} bytes, and ${documentMaxBytes} are the most`);
    return file.readFile('utf8');
  }).finally(() => file.close());
  const document = parsed(text, documentSchema);
  if (document) return recordsOf(document as Parameters<typeof recordsOf>[0]);
  throw new MailhaulError('verification-file', { path, reason: 'it is not the document of verify --json' });
}

function parsed<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new MailhaulError('verification-file', { path, reason: printable((error as Error).message) }, error);
  }
}

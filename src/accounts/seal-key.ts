/** The key of the seal: from a variable, or from a file that only its owner can read. */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { MailhaulError } from '../ground/errors.ts';
import { makeOnce } from '../ground/made-once.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { sealKeyBytes } from './seal.ts';

/** The variable that holds the key, for those who keep secrets elsewhere. */
export const sealKeyVariable = 'MAILHAUL_SEAL_KEY';

/** Longest text that a key file may have. */
const maxBytes = 256;

/** A key, and where it came from, for people. */
export interface SealKey {
  readonly key: Buffer;
  /** `the variable …` or `the file …`. */
  readonly where: string;
}

/**
 * The key from MAILHAUL_SEAL_KEY, else from `sealKeyFile` (null: seal.key in the data directory). A missing file is
 * made when `mayCreate`. Throws `seal-key-invalid` for a key that is malformed, missing, or can be read by others.
 */
export async function loadSealKey(
  settings: Pick<LoadedSettings, 'dataDir' | 'sealKeyFile'>,
  env: NodeJS.ProcessEnv,
  mayCreate: boolean,
): Promise<SealKey> {
  const text = env[sealKeyVariable];
  if (text) return { key: keyOf(text, `the variable ${sealKeyVariable}`), where: `the variable ${sealKeyVariable}` };
  const path = settings.sealKeyFile ?? join(settings.dataDir, 'seal.key');
  const where = `the file ${path}`;
  let found = await readKeyFile(path, where);
  if (found === undefined && mayCreate) {
    await createKeyFile(path, where);
    found = await readKeyFile(path, where);
  }
  if (found === undefined) {
    throw invalid(where, 'it does not exist, and what is in Redis was sealed with a key that exists elsewhere');
  }
  return { key: keyOf(found, where), where };
}

/** 64 hexadecimal digits, or base64 (of either alphabet) of 32 bytes. */
function keyOf(text: string, where: string): Buffer {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, 'hex');
  const key = /^[\w+/-]{43}=?$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : Buffer.alloc(0);
  if (key.length !== sealKeyBytes) throw invalid(where, `it must hold ${sealKeyBytes} bytes in base64 or hexadecimal`);
  return key;
}

async function readKeyFile(path: string, where: string): Promise<string | undefined> {
  try {
    const file = await open(path);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw invalid(where, 'it is no file');
      if ((found.mode & 0o077) !== 0) {
        throw invalid(where, `others can get at it (mode ${(found.mode & 0o777).toString(8)}; it must be 600)`);
      }
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof MailhaulError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw invalid(where, `it cannot be read (${code ?? 'unknown reason'})`);
  }
}

/** Makes a key file; where another process was faster, its key is the key. */
async function createKeyFile(path: string, where: string): Promise<void> {
  await makeOnce(path, `${randomBytes(sealKeyBytes).toString('base64')}\n`).catch((error: NodeJS.ErrnoException) => {
    throw invalid(where, `it cannot be made (${error.code ?? 'unknown reason'})`);
  });
}

function invalid(where: string, reason: string): MailhaulError {
  return new MailhaulError('seal-key-invalid', { where, reason });
}

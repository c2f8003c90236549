/** The token of the API: a file of the data directory that only its owner reads, made at the first start. */
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MailhaulError } from '../ground/errors.ts';
import { makeOnce } from '../ground/made-once.ts';

const tokenPattern = /^[A-Za-z0-9_-]{32,200}$/;

/** Reads the token of the service on a data directory. Throws `token-unusable`. */
export async function readToken(dataDir: string): Promise<string> {
  const path = join(dataDir, 'token');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unusable(path, error.code === 'ENOENT' ? 'there is none; no service was ever started there' : error.message);
  });
  const token = text.trim();
  if (tokenPattern.test(token)) return token;
  throw unusable(path, 'it must be 32 to 200 letters, digits, _ and -');
}

/** Reads the token, and makes one with mode 0600 where there is none. Throws `token-unusable`. */
export async function ensureToken(dataDir: string): Promise<string> {
  const path = join(dataDir, 'token');
  await makeOnce(path, `${randomBytes(32).toString('base64url')}\n`).catch((error: Error) => {
    throw unusable(path, error.message);
  });
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) throw unusable(path, `others may read it (mode ${(mode & 0o777).toString(8)}); chmod 600`);
  return readToken(dataDir);
}

function unusable(path: string, reason: string): MailhaulError {
  return new MailhaulError('token-unusable', { path, reason });
}

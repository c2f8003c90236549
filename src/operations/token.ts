/** The tokens of the API: files of the data directory that only their owner reads, made at the first start. */
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MailhaulError } from '../ground/errors.ts';
import { makeOnce } from '../ground/made-once.ts';

const tokenPattern = /^[A-Za-z0-9_-]{32,200}$/;

/** What a token lets its holder do: `steer` changes things, `look` does not. */
export type Role = 'steer' | 'look';

/** The token of each role. */
export type Tokens = Readonly<Record<Role, string>>;

/** The files that hold them. */
const files: Tokens = { steer: 'token', look: 'token-look' };

/** Reads the token of the service on a data directory that may do everything. Throws `token-unusable`. */
export async function readToken(dataDir: string): Promise<string> {
  return readFrom(join(dataDir, files.steer));
}

/** Reads the tokens, and makes with mode 0600 those that are missing. Throws `token-unusable`. */
export async function ensureTokens(dataDir: string): Promise<Tokens> {
  const steer = await ensureToken(join(dataDir, files.steer));
  const path = join(dataDir, files.look);
  const look = await ensureToken(path);
  if (look === steer) throw unusable(path, `it is the same as ${files.steer}, so whoever may look could steer`);
  return { steer, look };
}

async function ensureToken(path: string): Promise<string> {
  await makeOnce(path, `${randomBytes(32).toString('base64url')}\n`).catch((error: Error) => {
    throw unusable(path, error.message);
  });
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) throw unusable(path, `others may read it (mode ${(mode & 0o777).toString(8)}); chmod 600`);
  return readFrom(path);
}

async function readFrom(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unusable(path, error.code === 'ENOENT' ? 'there is none; no service was ever started there' : error.message);
  });
  const token = text.trim();
  if (tokenPattern.test(token)) return token;
  throw unusable(path, 'it must be 32 to 200 letters, digits, _ and -');
}

function unusable(path: string, reason: string): MailhaulError {
  return new MailhaulError('token-unusable', { path, reason });
}

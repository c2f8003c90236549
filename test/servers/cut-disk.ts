/**
 * A disk of its own, made of a file, whose power can be cut: what the system had only in memory is gone, as on a machine that
 * stops. Needs root, loop devices, the tools of ext4, and perl.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
// Where an ordinary PATH ends, these tools begin.
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
const call = (program: string, ...args: string[]) => run(program, args, { env });

/**
 * Has ext4 write nothing more, its journal included: EXT4_IOC_SHUTDOWN, which is _IOR('X', 125, __u32), with
 * EXT4_GOING_FLAGS_NOLOGFLUSH. Node.js has no way to an ioctl, and each Debian has a perl.
 */
const goDown = '$how = pack("L", 2); open(F, "<", $ARGV[0]) and ioctl(F, 0x8004587d, $how) or die "$!\n"';

/** A process that was killed has its files a moment longer: so often it is looked whether they are closed. */
const busyLooks = 500;

/** Why this machine can have no such disk; undefined when it can. */
export function whyNoDisk(): string | undefined {
  if (process.platform !== 'linux') return 'loop devices are a thing of Linux';
  if (process.getuid?.() !== 0) return 'only root can mount a disk';
  const folder = join(tmpdir(), `mh-disk-${process.pid}`);
  const shell = (script: string) => execFileSync('sh', ['-ec', script, folder, goDown], { env, stdio: 'pipe' });
  try {
    shell('mkdir -p "$0/disk"; truncate -s 8M "$0/image"; mkfs.ext4 -q "$0/image"');
    shell('mount -o loop "$0/image" "$0/disk"; perl -e "$1" "$0/disk"');
    return undefined;
  } catch (error) {
    return `this machine mounts no disk: ${(error as Error).message.trim().split('\n').at(-1)}`;
  } finally {
    shell('umount "$0/disk" || true; rm -rf "$0"');
  }
}

/** One disk, mounted at a directory. */
export class CutDisk {
  readonly #path: string;
  readonly #image: string;

  private constructor(path: string, image: string) {
    this.#path = path;
    this.#image = image;
  }

  /** An empty disk at `path`, which is made; `image` is the file it is made of. */
  static async make(path: string, image: string): Promise<CutDisk> {
    const disk = new CutDisk(path, image);
    await mkdir(path);
    await call('truncate', '-s', '64M', image);
    await call('mkfs.ext4', '-q', image);
    await disk.#mount();
    return disk;
  }

  /** The power fails: from now on nothing reaches the disk. */
  async stop(): Promise<void> {
    await call('perl', '-e', goDown, this.#path);
  }

  /** The power is back: the disk holds what had reached it. Whoever used it must be dead. */
  async restart(): Promise<void> {
    await this.end();
    await this.#mount();
  }

  /** Takes the disk away, when nobody uses it any more. */
  async end(): Promise<void> {
    const isBusy = (error: Error) => /busy/.test(error.message);
    for (let left = busyLooks; ; left -= 1) {
      const refusal = await call('umount', this.#path).then(
        () => undefined,
        (error: Error) => error,
      );
      if (!refusal) return;
      if (left === 0 || !isBusy(refusal)) throw refusal;
      await new Promise((resume) => setTimeout(resume, 10));
    }
  }

  async #mount(): Promise<void> {
    await call('mount', '-o', 'loop', this.#image, this.#path);
    await chmod(this.#path, 0o700);
  }
}

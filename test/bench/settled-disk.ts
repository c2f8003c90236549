/**
 * The same file system for every run. ext4 without a journal hands an inode out again only minutes after it was freed
 * and looks at every such one for each new file (fs/ext4/ialloc.c, recently_deleted): whoever writes mail where other
 * mail has just been removed pays for that. So what runs leave stays, and whoever removes waits.
 */
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** When room is made, and how long is waited. */
export interface DiskBounds {
  /** With fewer free bytes than this, what is left behind is removed before the next scenario. */
  readonly leastFreeBytes: number;
  /** A file system that does not come to rest in this time is taken as it is. */
  readonly limitMs: number;
  /** Microseconds of CPU time for a new file where nothing was removed lately, if nothing less is seen. */
  readonly usual: number;
  /** What a new file in an empty directory costs now, in the same unit; measured where it is not given. */
  readonly costOf?: (directory: string) => number;
}

/** Where nothing was removed lately 5 to 10 µs were seen, and 200 to 300 elsewhere on the same disk. */
const bounds: DiskBounds = { leastFreeBytes: 20e9, limitMs: 330_000, usual: 15 };
const pauseMs = 15_000;
const directories = 4;
const filesEach = 1_000;
const tolerance = 3;

/** What the runs leave behind, and what new files cost because of it. */
export class SettledDisk {
  readonly #bounds: DiskBounds;
  #left: string[] = [];
  /** Microseconds a file, the least that was seen. */
  #best: number;
  /** What was taken as it is. */
  #accepted = 0;

  constructor(given: DiskBounds = bounds) {
    this.#bounds = given;
    this.#best = given.usual;
  }

  /** This path is no longer needed; it stays until there is need for room, or until the benchmark ends. */
  leave(path: string): void {
    this.#left.push(path);
  }

  /** Makes room where it is short, then waits until new files in this directory cost what they did at first; says so. */
  async settle(directory: string, say: (text: string) => void): Promise<void> {
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < this.#bounds.leastFreeBytes) {
      for (const path of this.#left.splice(0)) await rm(path, { recursive: true, force: true });
      this.#accepted = 0;
    }
    const end = Date.now() + this.#bounds.limitMs;
    let said = false;
    for (;;) {
      const worst = this.#worst(directory);
      if (worst <= Math.max(this.#best * tolerance, this.#accepted)) return;
      if (Date.now() >= end) {
        say(`new files still cost ${worst.toFixed(0)} µs each: the file system is taken as it is`);
        this.#accepted = worst * tolerance;
        return;
      }
      if (!said) say('waiting for the file system to get over the removal of files');
      said = true;
      await wait(pauseMs);
    }
  }

  /** Several directories, since each may be in a different part of the disk. The files stay: removing costs, too. */
  #worst(directory: string): number {
    const { costOf = costOfFiles } = this.#bounds;
    const costs = Array.from({ length: directories }, () => costOf(mkdtempSync(join(directory, 'probe-'))));
    this.#best = Math.min(this.#best, ...costs);
    return Math.max(...costs);
  }
}

/** Microseconds of CPU time for a new file in an empty directory. */
function costOfFiles(directory: string): number {
  const before = process.cpuUsage();
  for (let number = 0; number < filesEach; number += 1) closeSync(openSync(join(directory, String(number)), 'wx'));
  return process.cpuUsage(before).system / filesEach;
}

/** The directory of a spool as whoever writes a batch knows it. */
import { syncFolder } from '../ground/made-once.ts';

/** The name of a batch's file. */
export function batchFileName(account: string, batch: string): string {
  return `${account}.${batch}.batch`;
}

/** A directory that batch files appear in. */
export class SpoolDirectory {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes names that were given or taken in the directory durable. */
  async syncDirectory(): Promise<void> {
    await syncFolder(this.directory);
  }
}

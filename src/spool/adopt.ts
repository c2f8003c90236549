/** Adoption: batch files that a crash or a flushed Redis left without an entry are registered again, never deleted. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import { registerBatch } from './registry.ts';
import type { Spool } from './spool.ts';
import { batchFileName } from './spool-directory.ts';

/** Registers what lies in the spool and is not known to Redis. Returns the keys of the accounts it belongs to. */
export async function adoptBatches(redis: RedisClient, spool: Spool, log: Log): Promise<Set<string>> {
  const adopted = new Set<string>();
  const found = await spool.found();
  // Names begin with the time of their creation: sorted, they keep the order in which the mail was fetched.
  found.sort((a, b) => (a.batch < b.batch ? -1 : 1));
  for (const { account, batch } of found) {
    const known = await redis.zscore(accountKeys.batches(account, spool.id), batch);
    if (known !== null) continue;
    try {
      const file = await spool.openBatch(account, batch);
      await file.close();
      await registerBatch(redis, spool.id, file.manifest, true);
      adopted.add(account);
      const { id, messages } = file.manifest;
      log.info({ account: id, key: account, batch, messages: messages.length }, 'batch adopted');
    } catch (error) {
      if (!(error instanceof MailhaulError)) throw error;
      // Kept for a person to look at; its messages are fetched again.
      const path = join(spool.directory, batchFileName(account, batch));
      // Another process that serves this spool may have appended it a moment ago.
      if (!(await renamed(path, `${path}.damaged`))) continue;
      log.warn({ key: account, batch, code: error.code, reason: error.message }, 'batch put aside');
    }
  }
  return adopted;
}

/** Renames a file; false when it is gone. */
async function renamed(from: string, to: string): Promise<boolean> {
  return rename(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return false;
    },
  );
}

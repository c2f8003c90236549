/** Sources that may delete what is fetched from them: the run goes on, and its report says so. */
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import type { SourceClient } from './source-client.ts';
import type { DownloadTask } from './task.ts';

/**
 * Notes EXPIRE 0 (RFC 2449 §6.7). Not of a source that is known to list in parts: of Gmail, which says it too, the profile
 * knows what becomes of its mail.
 */
export async function noteExpiry(redis: RedisClient, task: DownloadTask, client: SourceClient): Promise<void> {
  if (task.listsInParts || !/^0\b/.test(client.capabilities.get('EXPIRE') ?? '')) return;
  await noteProblem(
    redis,
    task.account,
    problemOf(new MailhaulError('source-may-expire', { host: task.endpoint.host })),
  );
}

/** Tells the report of mailboxes that are called otherwise than the settings say. */
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';

const namedAtMost = 5;

/** Notes them once for all: names as they were asked for, with what the mailboxes are called. */
export async function noteRenamed(
  redis: RedisClient,
  account: string,
  host: string,
  renamed: ReadonlyMap<string, string>,
): Promise<void> {
  const count = renamed.size;
  if (count === 0) return;
  const pairs = [...renamed].slice(0, namedAtMost).map(([name, path]) => `"${name}" is "${path}"`);
  const named = [...pairs, ...(count > namedAtMost ? [`and ${count - namedAtMost} more`] : [])].join(', ');
  await noteProblem(redis, account, problemOf(new MailhaulError('mailbox-renamed', { host, count, named }), count));
}

/** One scheduler on a Redis: a `sync` is none beside a service. */
import { MailhaulError } from '../ground/errors.ts';
import { globalKeys, loginKeys } from '../ground/keys.ts';
import type { RedisHandle } from '../ground/redis.ts';

/** Throws `instance-running` while a service schedules on this Redis: a `sync` beside it would begin its runs anew. */
export async function refuseBesideScheduler({ client, where }: Pick<RedisHandle, 'client' | 'where'>): Promise<void> {
  if ((await client.exists(loginKeys.lease(globalKeys.scheduler))) === 1) {
    throw new MailhaulError('instance-running', { where });
  }
}

/** Whether a Redis that somebody named is safe as a memory. */
import { MailhaulError, printable } from './errors.ts';
import type { RedisClient, RedisHandle } from './redis.ts';

/**
 * What makes this Redis unsafe as a memory: `redis-unsafe` for keys that may be evicted and for a missing append-only
 * file. Never throws; where Redis tells nothing, that is the finding.
 */
export async function checkRedisSafety(handle: RedisHandle): Promise<MailhaulError[]> {
  const unsafe = (reason: string) => new MailhaulError('redis-unsafe', { where: handle.where, reason });
  let found: { policy: string | undefined; appendOnly: boolean };
  try {
    found = await configOf(handle.client).catch(() => infoOf(handle.client));
  } catch {
    return [unsafe('it lets nobody read its configuration, so this could not be checked')];
  }
  const findings: MailhaulError[] = [];
  if (found.policy !== undefined && found.policy !== 'noeviction') {
    findings.push(unsafe(`maxmemory-policy is ${printable(found.policy, 40)}: it may drop keys when memory is short`));
  }
  if (!found.appendOnly)
    findings.push(unsafe('appendonly is no: a restart forgets what was done since the last snapshot'));
  return findings;
}

async function configOf(client: RedisClient): Promise<{ policy: string | undefined; appendOnly: boolean }> {
  const read = async (name: string) => ((await client.config('GET', name)) as string[])[1];
  const [policy, appendOnly] = [await read('maxmemory-policy'), await read('appendonly')];
  if (policy === undefined || appendOnly === undefined) throw new Error('not told');
  return { policy, appendOnly: appendOnly === 'yes' };
}

async function infoOf(client: RedisClient): Promise<{ policy: string | undefined; appendOnly: boolean }> {
  const info = `${await client.info('memory')}${await client.info('persistence')}`;
  const appendOnly = /^aof_enabled:([01])/m.exec(info)?.[1];
  if (appendOnly === undefined) throw new Error('not told');
  return { policy: /^maxmemory_policy:(\S+)/m.exec(info)?.[1], appendOnly: appendOnly === '1' };
}

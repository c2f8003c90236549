/** Opening the source of an account, with what is known of its host and of refused logins. */
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { countedLogin } from '../limits/credentials.ts';
import { isOneAtATime } from '../limits/hosts.ts';
import type { Lease } from '../limits/lease.ts';
import { PopClient } from '../pop3/client.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';

/** Connects and logs in. Throws MailhaulError; a refused login is counted. */
export async function openSource(
  endpoint: PopEndpoint,
  lease: Lease,
  { redis, settings }: { redis: RedisClient; settings: Settings },
): Promise<PopClient> {
  const oneAtATime = await isOneAtATime(redis, endpoint.host, endpoint.port);
  return countedLogin(redis, lease.login, endpoint, settings.credentialTries, (fresh) =>
    PopClient.connect(fresh, { ...settings, oneAtATime, signal: lease.lost }),
  );
}

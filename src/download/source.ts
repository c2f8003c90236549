/** Opening the source of an account, with what is known of its host and of refused logins. */
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { keyBytes, writeUidlKey } from '../ledger/record.ts';
import { countedLogin } from '../limits/credentials.ts';
import { popHabits, rememberOneAtATime, rememberWithoutCapa } from '../limits/hosts.ts';
import type { Lease } from '../limits/lease.ts';
import { PopClient } from '../pop3/client.ts';
import type { PopEndpoint } from '../pop3/endpoint.ts';

const uidlKeys = { bytes: keyBytes, write: writeUidlKey };

/** Connects and logs in; a listing brings the keys of its messages (`copyKey`). Throws MailhaulError; a refused login is counted. */
export async function openSource(
  endpoint: PopEndpoint,
  lease: Lease,
  { redis, settings }: { redis: RedisClient; settings: Settings },
): Promise<PopClient> {
  const { host, port } = endpoint;
  const habits = await popHabits(redis, host, port);
  let capaUnusable = false;
  const onCapaUnusable = () => {
    capaUnusable = true;
  };
  const onPipeliningBroken = () => void rememberOneAtATime(redis, host, port).catch(() => {});
  const learning = { onCapaUnusable, onPipeliningBroken };
  const client = await countedLogin(redis, lease.login, endpoint, settings.credentialTries, (fresh) =>
    PopClient.connect(fresh, { ...settings, ...habits, ...learning, uidlKeys, signal: lease.lost }),
  );
  if (capaUnusable) await rememberWithoutCapa(redis, host, port);
  return client;
}

/** Opening the source of an account, with what is known of its host and of refused logins. */
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { keyBytes, writeUidlKey } from '../ledger/record.ts';
import { countedLogin } from '../limits/credentials.ts';
import { popHabits, rememberOneAtATime, rememberWithoutCapa } from '../limits/hosts.ts';
import type { Lease } from '../limits/lease.ts';
import type { PopEndpoint, PopOptions } from '../pop3/endpoint.ts';

const uidlKeys = { bytes: keyBytes, write: writeUidlKey };

/** Makes a client that is logged in. Throws MailhaulError. */
export type ConnectSource<Client> = (endpoint: PopEndpoint, options: PopOptions) => Promise<Client>;

/**
 * Connects and logs in with `connect`; a listing brings the keys of its messages. `onLogin` is told right before each
 * login: a server takes its time to open a large maildrop, which can be used. Throws MailhaulError; a refused login is
 * counted.
 */
export async function openSource<Client>(
  endpoint: PopEndpoint,
  lease: Lease,
  { redis, settings }: { redis: RedisClient; settings: Settings },
  connect: ConnectSource<Client>,
  onLogin?: () => void,
): Promise<Client> {
  const { host, port } = endpoint;
  const habits = await popHabits(redis, host, port);
  let capaUnusable = false;
  const onCapaUnusable = () => {
    capaUnusable = true;
  };
  const onPipeliningBroken = () => void rememberOneAtATime(redis, host, port).catch(() => {});
  const learning = { onCapaUnusable, onPipeliningBroken, onCapabilities: () => onLogin?.() };
  const client = await countedLogin(redis, lease.login, endpoint, settings.credentialTries, (fresh) =>
    connect(fresh, { ...settings, ...habits, ...learning, uidlKeys, signal: lease.lost }),
  );
  if (capaUnusable) await rememberWithoutCapa(redis, host, port);
  return client;
}

/**
 * Which kind of fingerprints the index of a mailbox holds. Another policy for twins compares another kind, and the two
 * are kept apart: one index of a mailbox counts, and which it is changes when the new one is whole.
 */
import { hexDigest } from '../ground/digest.ts';
import { loginKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { type FingerprintKind, fingerprintKinds } from '../message/fingerprint.ts';

/** The name in keys of the index of a mailbox that holds one kind. */
export function mailboxOfIndex(path: string, kind: FingerprintKind): string {
  return kind === 'headers' ? hexDigest(8, path) : hexDigest(8, path, kind);
}

/** Which index of a mailbox counts. */
export interface Indexed {
  readonly kind: FingerprintKind;
  /** True where it took over from one of another kind: not every claim of that one could be carried over. */
  readonly carried: boolean;
}

/** The index that counts. */
export async function indexedAs(redis: RedisClient, login: string, path: string): Promise<Indexed> {
  const [named, carried] = ((await redis.get(nameKey(login, path))) ?? '').split(' ');
  return { kind: fingerprintKinds.find((kind) => kind === named) ?? 'headers', carried: carried !== undefined };
}

/** The UIDVALIDITY of a mailbox when it was indexed last; undefined when it never was. */
export async function indexedUidValidity(redis: RedisClient, login: string, path: string): Promise<number | undefined> {
  const { kind } = await indexedAs(redis, login, path);
  const known = await redis.hget(loginKeys.index(login, mailboxOfIndex(path, kind)), 'uidValidity');
  return known === null ? undefined : Number(known);
}

const countScript = new Script(
  `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[2], ARGV[2])
  return 1
`,
  true,
);

/** Makes the index of this kind the one that counts, if the lease is ours. Returns whether it is. */
export async function setIndexed(
  redis: RedisClient,
  login: string,
  path: string,
  token: string,
  { kind, carried }: Indexed,
): Promise<boolean> {
  const keys = [loginKeys.lease(login), nameKey(login, path)];
  return (await countScript.run(redis, keys, [token, carried ? `${kind} carried` : kind])) === 1;
}

function nameKey(login: string, path: string): string {
  return loginKeys.indexKind(login, mailboxOfIndex(path, 'headers'));
}

/** One key seals everything of one Redis: who has another one learns it before anything is written with it. */
import { MailhaulError } from '../ground/errors.ts';
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { Seal, type SealedPlace } from './seal.ts';
import { loadSealKey } from './seal-key.ts';

const checkPlace: SealedPlace = { account: '', column: 'check', purpose: '' };
const checkText = 'mailhaul';

/** A seal, and where its key came from, for people. */
export interface CheckedSeal {
  readonly seal: Seal;
  readonly where: string;
}

/**
 * Takes the key of the seal, and makes one where nothing was ever sealed. Throws `seal-key-invalid`, and
 * `seal-key-wrong` when it is not the one that sealed what is stored.
 */
export async function openSeal(
  redis: RedisClient,
  settings: Pick<LoadedSettings, 'dataDir' | 'sealKeyFile'>,
  env: NodeJS.ProcessEnv,
): Promise<CheckedSeal> {
  const check = await redis.hget(globalKeys.accountsState, 'check');
  const { key, where } = await loadSealKey(settings, env, check === null);
  const opened = { seal: new Seal(key), where };
  assertOpens(check, opened);
  return opened;
}

/** A sealed value that tells the right key from others: it lies in `check` of the state of the accounts. */
export function checkValue(seal: Seal): string {
  return seal.seal(checkText, checkPlace);
}

/** Throws `seal-key-wrong` where what is stored was sealed with another key; null: nothing ever was. */
export function assertOpens(check: string | null, { seal, where }: CheckedSeal): void {
  if (check === null) return;
  try {
    seal.open(check, checkPlace);
  } catch {
    throw new MailhaulError('seal-key-wrong', { where });
  }
}

/** Before the first value is sealed: of two processes with different keys one stays. Throws `seal-key-wrong`. */
export async function claimSeal(redis: RedisClient, opened: CheckedSeal): Promise<void> {
  await redis.hsetnx(globalKeys.accountsState, 'check', checkValue(opened.seal));
  assertOpens(await redis.hget(globalKeys.accountsState, 'check'), opened);
}

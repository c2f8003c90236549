/** One account by its id, for commands that are about one: of a list, else of the service. */
import type { Account } from '../accounts/account.ts';
import { AccountStore } from '../accounts/store.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { loadList } from './load-list.ts';
import { narrowed } from './selection.ts';

/** Where accounts are looked for. */
export interface AccountPlaces {
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly env: NodeJS.ProcessEnv;
}

/** The accounts of the service that this Redis has, in the order of their ids; none where nothing was ever imported. */
export async function storedAccounts({ redis, settings, env }: AccountPlaces): Promise<Account[]> {
  const { accounts } = await (await AccountStore.open(redis, settings, env)).all();
  return [...accounts.values()].map(({ account }) => account).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The account with this id: in the list, else among those of the service. Throws `usage` or `account-unknown`. */
export async function oneAccount(
  id: string,
  list: string | undefined,
  { redis, settings, env }: AccountPlaces,
): Promise<Account> {
  if (list === undefined) return narrowed(await storedAccounts({ redis, settings, env }), { ids: [id] })[0]!;
  const all = await loadList(list, settings);
  const found = all.find((account) => account.id === id);
  if (found) return found;
  throw new MailhaulError('usage', { reason: `the account list ${list} has no account ${id}` });
}

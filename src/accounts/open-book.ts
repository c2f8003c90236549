/** The account book of a process: a fixed list, or the stored accounts. */
import type { Log } from '../ground/log.ts';
import type { RedisHandle } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import type { Account } from './account.ts';
import { type AccountBook, fixedBook, StoreBook } from './book.ts';
import { AccountStore } from './store.ts';

/** A fixed list; or the stored accounts, with what is done to their store before the workers begin. */
export type BookAccounts = readonly Account[] | { readonly prepare: (store: AccountStore) => Promise<unknown> };

/** Opens it; `store` is undefined for a fixed list. Throws MailhaulError. */
export async function openBook(
  {
    accounts,
    settings,
    env,
    log,
  }: {
    readonly accounts: BookAccounts;
    readonly settings: LoadedSettings;
    readonly env: NodeJS.ProcessEnv;
    readonly log: Log;
  },
  redis: RedisHandle,
): Promise<{ book: AccountBook; store: AccountStore | undefined }> {
  if (!('prepare' in accounts)) return { book: fixedBook(accounts), store: undefined };
  const store = await AccountStore.open(redis.client, settings, env);
  await accounts.prepare(store);
  const book = await StoreBook.open(store, redis.duplicate(), settings.accountsPollMs, log);
  return { book, store };
}

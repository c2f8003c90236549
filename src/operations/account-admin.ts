/** The account list of the service, as its API changes it. */
import { join } from 'node:path';
import type { AccountStore } from '../accounts/store.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { importAccounts, removeAccounts } from './accounts.ts';
import { readUploadedList } from './list-upload.ts';

/** The accounts of a service that keeps its own list. Secrets go in and never come out. */
export interface AccountAdmin {
  /**
   * Takes in the text of an account list; its name tells the format, the folder where its sender has it. Throws
   * `list-invalid`.
   */
  importList(
    name: string,
    text: string,
    options: { readonly prune: boolean; readonly folder?: string },
  ): Promise<{ added: readonly string[]; changed: readonly string[]; removed: readonly string[]; unchanged: number }>;
  /** Removes accounts by their ids; their mail and ledger stay. */
  remove(ids: readonly string[]): Promise<{ removed: readonly string[]; unknown: readonly string[] }>;
}

/** Imports into this store, and removes from it. */
export function accountAdmin(store: AccountStore, settings: LoadedSettings): AccountAdmin {
  return {
    importList: async (name, text, { prune, folder }) => {
      const accounts = await readUploadedList(settings.dataDir, name, text, settings, folder);
      return importAccounts(store, accounts, folder === undefined ? { prune } : { prune, origin: join(folder, name) });
    },
    remove: (ids) => removeAccounts(store, ids),
  };
}

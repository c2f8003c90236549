/** The account list of the service, as its API changes it. */
import { join } from 'node:path';
import type { AccountStore } from '../accounts/store.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { importAccounts, removeAccounts } from './accounts.ts';
import type { AccountAdmin } from './desk.ts';
import { readUploadedList } from './list-upload.ts';

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

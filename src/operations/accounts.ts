/** What a person can ask for about the stored accounts: import, list, remove. */
import type { Account, Endpoint } from '../accounts/account.ts';
import type { AccountStore, ListChange, StoredList } from '../accounts/store.ts';
import { type ListedAccount, sameAccount } from '../accounts/stored-account.ts';
import { MailhaulError } from '../ground/errors.ts';

/** How often others may be faster before a change is given up. */
const triesAtMost = 20;

/** How a list is imported. */
export interface ImportOptions {
  /** Removes stored accounts that are not in the list: those of the same `origin`, or all others where it is not given. */
  readonly prune?: boolean;
  /** Absolute path of the list file: an account belongs to the list that named it last. */
  readonly origin?: string;
}

/** What an import did: ids, sorted, and how many accounts were as they are. */
export interface ImportResult {
  readonly added: string[];
  /** The same account, with another password, port, group …; it applies from the next session on. */
  readonly changed: string[];
  /** A line with another host or user removes the account of that id and adds another. */
  readonly removed: string[];
  readonly unchanged: number;
}

/** One side of a stored account: everything but the password. */
export type ListedEndpoint = Omit<Endpoint, 'password'>;

/** A stored account without its passwords. */
export interface AccountSummary {
  readonly id: string;
  readonly key: string;
  readonly group: string;
  readonly enabled: boolean;
  readonly source: ListedEndpoint;
  readonly destination: ListedEndpoint;
  readonly mailbox: string;
  /** Absolute path of the list it was imported from; empty where it came from none. */
  readonly list: string;
}

/**
 * Puts a list that was checked as a whole into the store. Throws `accounts-contended`, `seal-key-wrong` or
 * `redis-unreachable`; tried again it does what was left to do.
 */
export async function importAccounts(
  store: AccountStore,
  accounts: readonly Account[],
  options: ImportOptions = {},
): Promise<ImportResult> {
  return changeStored(store, (stored) => importChange(stored, accounts, options));
}

/** The stored accounts by id, without their passwords. */
export async function listAccounts(store: AccountStore): Promise<readonly AccountSummary[]> {
  const { accounts } = await store.all();
  return [...accounts.values()].map(summaryOf).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * Removes accounts from the store. What is known of their mail stays, and so does what is in the spool: imported again
 * they go on where they were. A run under way ends at its next batch boundary. Throws as `importAccounts` does.
 */
export async function removeAccounts(
  store: AccountStore,
  ids: readonly string[],
): Promise<{ removed: string[]; unknown: string[] }> {
  return changeStored(store, ({ accounts }) => {
    const wanted = new Set(ids);
    const found = [...accounts.values()].map(({ account }) => account).filter(({ id }) => wanted.has(id));
    const removed = found.map(({ id }) => id).sort();
    const unknown = [...wanted].filter((id) => !removed.includes(id));
    return { change: { put: [], drop: found.map(({ key }) => key) }, result: { removed, unknown } };
  });
}

/** Decides on what is stored and writes it, again and again while others are faster. */
async function changeStored<T>(
  store: AccountStore,
  decide: (stored: StoredList) => { change: ListChange; result: T },
): Promise<T> {
  for (let tries = 0; tries < triesAtMost; tries += 1) {
    const stored = await store.all();
    const { change, result } = decide(stored);
    if (change.put.length + change.drop.length === 0) return result;
    if (await store.change(stored.version, change)) return result;
  }
  throw new MailhaulError('accounts-contended', { count: triesAtMost });
}

function importChange(
  stored: StoredList,
  accounts: readonly Account[],
  { prune = false, origin = '' }: ImportOptions,
): { change: ListChange; result: ImportResult } {
  const keys = new Set(accounts.map(({ key }) => key));
  const ids = new Set(accounts.map(({ id }) => id));
  const listed = accounts.map((account): ListedAccount => ({ account, origin }));
  const added = listed.filter(({ account }) => !stored.accounts.has(account.key));
  const changed = listed.filter((each) => {
    const before = stored.accounts.get(each.account.key);
    return before !== undefined && !sameAccount(before, each);
  });
  const dropped = [...stored.accounts.values()].filter(({ account, origin: from }) => {
    if (keys.has(account.key)) return false;
    // An id names one account: a line whose hosts or users were changed takes the place of the account it was.
    return ids.has(account.id) || (prune && (origin === '' || from === origin));
  });
  return {
    change: { put: [...added, ...changed], drop: dropped.map(({ account }) => account.key) },
    result: {
      added: idsOf(added),
      changed: idsOf(changed),
      removed: idsOf(dropped),
      unchanged: listed.length - added.length - changed.length,
    },
  };
}

function idsOf(listed: readonly ListedAccount[]): string[] {
  return listed.map(({ account }) => account.id).sort();
}

function summaryOf({ account, origin }: ListedAccount): AccountSummary {
  const { id, key, group, enabled, mailbox } = account;
  const { password: _from, ...source } = account.source;
  const { password: _to, ...destination } = account.destination;
  return { id, key, group, enabled, source, destination, mailbox, list: origin };
}

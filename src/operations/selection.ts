/** Which accounts of the running service a person means. */
import type { Account } from '../accounts/account.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { Scope } from '../limits/steering.ts';

/** Ids, a group, or all: exactly one of the three. */
export interface Selection {
  readonly account?: readonly string[] | undefined;
  readonly group?: string | undefined;
  readonly all?: true | undefined;
}

/** Where the accounts of the service stand. */
export interface Accounts {
  /** All accounts, in no particular order. */
  all(): readonly Account[] | Promise<readonly Account[]>;
}

/** The accounts that are meant, and the scopes that a pause of them has. */
export interface Selected {
  readonly accounts: readonly Account[];
  readonly scopes: readonly Scope[];
}

/** Looks them up. Throws `request-refused`, `account-unknown` or `group-unknown`, and then nothing was done. */
export async function select(book: Accounts, selection: Selection): Promise<Selected> {
  const { account: ids, group, all } = selection;
  const given = [ids, group, all].filter((part) => part !== undefined);
  if (given.length !== 1) {
    throw new MailhaulError('request-refused', { reason: 'name accounts, or a group, or all: one of the three' });
  }
  const accounts = narrowed(await book.all(), { ids, group });
  if (all) return { accounts, scopes: [{ all: true }] };
  return { accounts, scopes: group === undefined ? accounts.map(({ key }) => ({ account: key })) : [{ group }] };
}

/** The account with this id. Throws `account-unknown`. */
export async function accountById(book: Accounts, id: string): Promise<Account> {
  const account = (await book.all()).find((one) => one.id === id);
  if (!account) throw new MailhaulError('account-unknown', { id });
  return account;
}

/** The accounts with these ids, in this group; what is left out narrows nothing. Throws `account-unknown` or `group-unknown`. */
export function narrowed(
  all: readonly Account[],
  { ids, group }: { readonly ids?: readonly string[] | undefined; readonly group?: string | undefined },
): readonly Account[] {
  const known = new Set(all.map(({ id }) => id));
  const wanted = new Set(ids ?? known);
  const unknown = [...wanted].filter((id) => !known.has(id));
  if (unknown.length > 0) throw new MailhaulError('account-unknown', { id: unknown.join(', ') });
  const members = group === undefined ? all : all.filter((account) => account.group === group);
  if (group !== undefined && members.length === 0) throw new MailhaulError('group-unknown', { group });
  return members.filter(({ id }) => wanted.has(id));
}

/** A selection in words, for the audit log and for answers. */
export function selectionText({ account, group, all }: Selection): string {
  if (all) return 'all accounts';
  return group === undefined ? `account ${(account ?? []).join(', ')}` : `group ${group}`;
}

/** Reading account lists with all that the settings say of accounts. */
import type { Account } from '../accounts/account.ts';
import { type ListScope, loadAccountList, readAccountList } from '../accounts/list.ts';
import { profilesOf } from '../accounts/profiles.ts';
import type { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';

/** The settings that an account list depends on. */
export type ListSettings = Pick<Settings, 'defaults' | 'providersFile'> & Partial<Pick<Settings, 'oauth'>>;

/**
 * The accounts of a list; relative paths in it begin at `folder`, its own unless given. Throws `list-unreadable` or
 * `list-invalid`.
 */
export function loadList(path: string, settings: ListSettings, folder?: string): Promise<Account[]> {
  return loadAccountList(path, settings.defaults, { ...scopeOf(settings), folder });
}

/** The accounts of the lines without mistakes, and what is wrong with the others. Throws `list-unreadable`. */
export function readList(
  path: string,
  settings: ListSettings,
): Promise<{ accounts: Account[]; wrong: MailhaulError | undefined }> {
  return readAccountList(path, settings.defaults, scopeOf(settings));
}

function scopeOf(settings: ListSettings): ListScope {
  return { oauthNames: Object.keys(settings.oauth ?? {}), profiles: profilesOf(settings) };
}

/** Which accounts of a list a command is about. */
import type { Account } from '../accounts/account.ts';
import { loadAccountList } from '../accounts/list.ts';
import { listWarning } from '../accounts/list-safety.ts';
import { profilesOf } from '../accounts/profiles.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';

/** What `--account` and `--group` select; nothing selects all. */
export interface Choice {
  readonly account?: readonly string[];
  readonly group?: string;
}

/**
 * The enabled accounts of the list that the options select; `warn` gets what is unsafe about the list. Throws
 * `list-unreadable`, `list-invalid` or `usage`.
 */
export async function chooseAccounts(
  list: string,
  options: Choice,
  settings: Pick<Settings, 'defaults' | 'providersFile'> & Partial<Pick<Settings, 'oauth'>>,
  warn: (warning: MailhaulError) => void,
): Promise<Account[]> {
  const all = await loadAccountList(
    list,
    settings.defaults,
    undefined,
    Object.keys(settings.oauth ?? {}),
    profilesOf(settings),
  );
  const warning = await listWarning(list, all, settings.defaults);
  if (warning) warn(warning);
  const wanted = new Set(options.account ?? []);
  const unknown = [...wanted].filter((id) => !all.some((account) => account.id === id));
  if (unknown.length > 0) {
    throw new MailhaulError('usage', { reason: `the account list ${list} has no account ${unknown.join(', ')}` });
  }
  const chosen = all.filter(
    ({ id, group, enabled }) =>
      enabled && (wanted.size === 0 || wanted.has(id)) && (options.group === undefined || options.group === group),
  );
  if (chosen.length > 0) return chosen;
  throw new MailhaulError('usage', { reason: `no enabled account of ${list} matches --account and --group` });
}

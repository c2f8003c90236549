/** Which accounts of a list a command is about. */
import type { Account } from '../accounts/account.ts';
import { listWarning } from '../accounts/list-safety.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { strangersIn } from '../ground/settings-rules.ts';
import { type ListSettings, loadList, readList } from './load-list.ts';

/** What `--account` and `--group` select; nothing selects all. */
export interface Choice {
  readonly account?: readonly string[];
  readonly group?: string;
}

/** What the choice is made by. */
export type ChoiceSettings = ListSettings & Partial<Pick<Settings, 'rules'>>;

/**
 * The enabled accounts of the list that the options select; `warn` gets what is unsafe about the list. Throws
 * `list-unreadable`, `list-invalid` or `usage`.
 */
export async function chooseAccounts(
  list: string,
  options: Choice,
  settings: ChoiceSettings,
  warn: (warning: MailhaulError) => void,
): Promise<Account[]> {
  return choose(await loadList(list, settings), list, options, settings, warn);
}

/**
 * The same for who goes on in spite of mistakes in the list: what is wrong with it, and the accounts of its other lines,
 * which may be none. Throws `list-unreadable` or `usage`.
 */
export async function chooseSoundAccounts(
  list: string,
  options: Choice,
  settings: ChoiceSettings,
  warn: (warning: MailhaulError) => void,
): Promise<{ accounts: Account[]; wrong: MailhaulError | undefined }> {
  const { accounts, wrong } = await readList(list, settings);
  if (!wrong) return { accounts: await choose(accounts, list, options, settings, warn), wrong };
  const warning = await listWarning(list, accounts, settings.defaults);
  if (warning) warn(warning);
  // An account that is not found may be on a wrong line, so that is no error here.
  return { accounts: accounts.filter(chosenBy(options)), wrong };
}

async function choose(
  all: readonly Account[],
  list: string,
  options: Choice,
  settings: ChoiceSettings,
  warn: (warning: MailhaulError) => void,
): Promise<Account[]> {
  const { groups, accounts } = settings.rules ? strangersIn(settings.rules, all) : { groups: [], accounts: [] };
  const names = [...groups.map((name) => `the group ${name}`), ...accounts.map((id) => `the account ${id}`)];
  // Whoever misspells a name has the mail placed by other rules, and would not know.
  if (names.length > 0) warn(new MailhaulError('rules-unmatched', { path: list, what: names.join(', ') }));
  const warning = await listWarning(list, all, settings.defaults);
  if (warning) warn(warning);
  const wanted = new Set(options.account ?? []);
  const unknown = [...wanted].filter((id) => !all.some((account) => account.id === id));
  if (unknown.length > 0) {
    throw new MailhaulError('usage', { reason: `the account list ${list} has no account ${unknown.join(', ')}` });
  }
  const chosen = all.filter(chosenBy(options));
  if (chosen.length > 0) return chosen;
  throw new MailhaulError('usage', { reason: `no enabled account of ${list} matches --account and --group` });
}

function chosenBy(options: Choice): (account: Account) => boolean {
  const wanted = new Set(options.account ?? []);
  return ({ id, group, enabled }) =>
    enabled && (wanted.size === 0 || wanted.has(id)) && (options.group === undefined || options.group === group);
}

/** The messages of an account that were refused or failed, as files with an index of the reasons (design §4). */
import type { Account } from '../accounts/account.ts';
import { advised } from '../accounts/advice.ts';
import { openLogin } from '../accounts/login.ts';
import { TokenDesk } from '../accounts/oauth/token-desk.ts';
import type { Profile } from '../accounts/profile-schema.ts';
import { profilesOf } from '../accounts/profiles.ts';
import { systemClock } from '../ground/clock.ts';
import { csvLine } from '../ground/csv.ts';
import { asMailhaulError, type MailhaulError, printable } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { type RegisteredMessage, readRegistry } from '../ledger/registry.ts';
import { type Wait, waitText } from '../limits/waits.ts';
import { describeMessage } from '../message/description.ts';
import { headerFields } from '../message/header.ts';
import { type ExportItem, exportFileName, fetchItems } from './export-fetch.ts';
import { ExportFolder } from './export-folder.ts';
import { tryAgain } from './try-again.ts';

/** What an export works with. */
export interface ExportOptions {
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly env: NodeJS.ProcessEnv;
  /** Where the protocol trace goes, where the settings want one. */
  readonly log?: Log | undefined;
  readonly account: Account;
  /** Ends it at once; what is whole stays. */
  readonly signal: AbortSignal;
  /** Told what is waited for, in words. */
  readonly onWait: (text: string) => void;
}

/** The columns of the index. */
export const exportColumns = [
  'uidl',
  'size',
  'date',
  'message_id',
  'subject',
  'code',
  'text',
  'tries',
  'file',
  'sha256',
  'note',
  'account',
] as const;

/** One line of the index: a message that did not arrive. */
export type ExportRow = Readonly<Record<(typeof exportColumns)[number], string | number>>;

/** What came of an export. */
export interface ExportedMessages {
  readonly rows: readonly ExportRow[];
  /** Why the source could not be read to the end; undefined where it was. */
  readonly failure: MailhaulError | undefined;
}

const indexName = 'index.csv';

/**
 * Exports all messages that did not arrive and that nobody has accepted. A file that is there already is not fetched
 * again, so that an export that was cut off goes on. Throws `export-exists`, `export-failed`.
 */
export async function exportMessages(directory: string, options: ExportOptions): Promise<ExportedMessages> {
  const { redis, account } = options;
  const registry = await readRegistry(redis, account.key);
  if (registry.length === 0) return { rows: [], failure: undefined };
  const folder = await ExportFolder.open(directory);
  await folder.removeLeftovers();
  const items = registry.map(itemOf);
  for (const item of items) await findFile(item, folder);
  const missing = items.filter(({ file }) => file === '');
  const failure = missing.length > 0 ? await fetchMissing(missing, folder, options) : undefined;
  const rows: ExportRow[] = [];
  for (const item of items) rows.push(rowOf(await described(item, folder, options), account.id));
  const text = [csvLine(exportColumns), ...rows.map((row) => csvLine(exportColumns.map((name) => row[name])))].join('');
  await folder.replace(indexName, text, (older) => isIndexOf(older, account.id));
  return { rows, failure };
}

/** Numbered by when they were refused: what is refused later does not change the names of the others. */
function itemOf(message: RegisteredMessage, i: number): ExportItem {
  const { size, sha256 } = message;
  return { message, number: String(i + 1).padStart(4, '0'), file: '', size, sha256, note: '' };
}

/** Of a message whose content is known the name is known, too. */
async function findFile(item: ExportItem, folder: ExportFolder): Promise<void> {
  if (item.sha256 === '') return;
  const name = exportFileName(item, item.sha256);
  if (await folder.holds(name, item.sha256)) item.file = name;
}

async function fetchMissing(
  missing: readonly ExportItem[],
  folder: ExportFolder,
  options: ExportOptions,
): Promise<MailhaulError | undefined> {
  const { redis, settings, env, account, signal, log } = options;
  const logins = { env, settings, tokens: new TokenDesk({ redis, settings, env, signal }), log };
  const profile = profilesOf(settings).of(account.source);
  const onWait = (wait: Wait) => options.onWait(waitText(wait, systemClock.now()));
  try {
    await tryAgain(settings, signal, async () => {
      const endpoint = await openLogin(account, 'source', logins);
      const left = missing.filter(({ file }) => file === '');
      await fetchItems(endpoint, left, folder, { redis, settings, signal, onWait }, goneText(profile));
    });
    return undefined;
  } catch (thrown) {
    const error = advised(asMailhaulError(thrown), account, 'source', profilesOf(settings));
    if (error.stops === 'run') throw error;
    for (const item of missing) if (item.file === '') item.note = error.message;
    return error;
  }
}

/** A source may hide what it still has; who exports must not take it for lost. */
function goneText(profile: Profile | undefined): string {
  const { hidesFetched, drainSessions } = profile?.quirks ?? {};
  const quirk = hidesFetched ?? drainSessions;
  return ['the source does not list it any more', ...(quirk ? [quirk.text] : [])].join('; ');
}

/** What an earlier version or the source's refusal kept from the registry is read from the file. */
async function described(item: ExportItem, folder: ExportFolder, { settings }: ExportOptions): Promise<ExportItem> {
  const { date, messageId, subject } = item.message;
  if (item.file === '' || date + messageId + subject !== '') return item;
  const fields = headerFields(await folder.head(item.file, settings.headerMaxBytes));
  return { ...item, message: { ...item.message, ...(await describeMessage(fields, settings.registrySubjects)) } };
}

function rowOf({ message, file, size, sha256, note }: ExportItem, account: string): ExportRow {
  const { uidl, arrived, date, messageId, subject, code, text, reply, tries } = message;
  return {
    uidl: printable(uidl),
    size,
    date: arrived || date,
    message_id: messageId,
    subject,
    code,
    text: reply || text,
    tries,
    file,
    sha256,
    note,
    account,
  };
}

/** An index of another account stays. */
function isIndexOf(text: string, account: string): boolean {
  const [head = '', first = ''] = text.split('\r\n');
  const ending = csvLine(['', account]).slice(0, -2);
  return `${head}\r\n` === csvLine(exportColumns) && (first === '' || first.endsWith(ending));
}

/** The account list: reading it from CSV, YAML or JSON, and checking it as a whole. */
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { MailhaulError, printable } from '../ground/errors.ts';
import { nearest } from '../ground/nearest.ts';
import type { Account } from './account.ts';
import type { ListContext, Row } from './cells.ts';
import { columnNames } from './columns.ts';
import { csvRecords } from './csv.ts';
import { documentRows } from './document.ts';
import { Problems } from './problems.ts';
import { type Profiles, profilesOf } from './profiles.ts';
import { accountOf } from './row.ts';

/** Largest YAML or JSON list: unlike CSV it is held whole, and its positions with it. */
const maxDocumentBytes = 32 * 1024 * 1024;

/** What lines of a list may refer to. */
export interface ListScope {
  /** Where relative paths in it begin; the folder of the list unless given. */
  readonly folder?: string | undefined;
  /** The names under `oauth` in the settings; none unless given. */
  readonly oauthNames?: readonly string[];
  /** Those of the settings; those that are built in unless given. */
  readonly profiles?: Profiles;
}

/**
 * The accounts of a list (design §5), in its order; `defaults` are values for columns that a line leaves empty.
 * `.csv`, `.tsv` and `.txt` are CSV, `.yaml`, `.yml` and `.json` YAML or JSON; any other file is judged by how it begins.
 * Throws `list-unreadable`, or `list-invalid` with every mistake in `details.reason`, one a line (the first 50), and
 * the number of wrong lines in `details.count`. No password is ever part of it.
 */
export async function loadAccountList(
  path: string,
  defaults: Readonly<Record<string, string | number | boolean>>,
  scope: ListScope = {},
): Promise<Account[]> {
  const { accounts, wrong } = await readAccountList(path, defaults, scope);
  if (wrong) throw wrong;
  return accounts;
}

/**
 * The same for who goes on in spite of mistakes: the accounts of the lines without any, and the `list-invalid` that
 * names all others. Throws `list-unreadable`.
 */
export async function readAccountList(
  path: string,
  defaults: Readonly<Record<string, string | number | boolean>>,
  { folder = dirname(resolve(path)), oauthNames = [], profiles = profilesOf({ providersFile: null }) }: ListScope = {},
): Promise<{ accounts: Account[]; wrong: MailhaulError | undefined }> {
  const problems = new Problems();
  const context: ListContext = {
    defaults: new Map(Object.entries(defaults).map(([name, value]) => [name.toLowerCase(), String(value)])),
    folder,
    problems,
    oauthNames,
    profiles,
    authorities: new Map(),
  };
  checkNames([...context.defaults.keys()], 'defaults', problems);
  if (context.defaults.has('id')) problems.add('defaults', 'id cannot be the same for all accounts');
  const accounts: Account[] = [];
  const seen = { ids: new Map<string, number>(), keys: new Map<string, number>() };
  let rows = 0;
  try {
    const source = (await isDocument(path)) ? documentList(path, problems) : csvRows(path, problems);
    for await (const row of source) {
      rows++;
      const before = problems.noted;
      const account = accountOf(row, context);
      if (!account) continue;
      checkUnique(account, seen, problems);
      if (problems.noted === before) accounts.push(account);
    }
  } catch (error) {
    throw unreadable(error, path);
  }
  const wrong = problems.error(path);
  if (wrong || rows > 0) return { accounts, wrong };
  const empty = { path: printable(path), count: 0, reason: 'no account is in it' };
  return { accounts, wrong: new MailhaulError('list-invalid', empty) };
}

/**
 * The lines of a list as they are written: their columns are checked, their values are not, so that a list may lack what
 * is still to be found. Throws `list-unreadable` or `list-invalid`, as `loadAccountList` does.
 */
export async function loadListRows(path: string): Promise<{ rows: Row[]; format: 'csv' | 'document' }> {
  const problems = new Problems();
  const rows: Row[] = [];
  let format: 'csv' | 'document';
  try {
    format = (await isDocument(path)) ? 'document' : 'csv';
    const source = format === 'document' ? documentList(path, problems) : csvRows(path, problems);
    for await (const row of source) rows.push(row);
  } catch (error) {
    throw unreadable(error, path);
  }
  const wrong = problems.error(path);
  if (wrong) throw wrong;
  return { rows, format };
}

function unreadable(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string' || error instanceof MailhaulError) return error;
  const reasons: Record<string, string> = {
    ENOENT: 'it does not exist',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory',
  };
  return new MailhaulError('list-unreadable', { path: printable(path), reason: reasons[code] ?? code }, error);
}

/** Two lines for one mailbox would append everything twice; two with one id could not be told apart. */
function checkUnique(
  account: Account,
  seen: { ids: Map<string, number>; keys: Map<string, number> },
  problems: Problems,
): void {
  const sameId = seen.ids.get(account.id);
  const samePair = seen.keys.get(account.key);
  const place = `line ${account.line}`;
  if (sameId !== undefined) problems.add(place, `the id ${printable(account.id, 60)} is also that of line ${sameId}`);
  if (samePair !== undefined) problems.add(place, `source and destination are also those of line ${samePair}`);
  if (sameId === undefined) seen.ids.set(account.id, account.line);
  if (samePair === undefined) seen.keys.set(account.key, account.line);
}

async function isDocument(path: string): Promise<boolean> {
  const extension = extname(path).toLowerCase();
  if (['.yaml', '.yml', '.json'].includes(extension)) return true;
  if (['.csv', '.tsv', '.txt'].includes(extension)) return false;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(65536), 0, 65536, 0);
    const start = buffer.toString('utf8', 0, bytesRead).replace(/^(\ufeff|\s+|#[^\n]*(\n|$))+/, '');
    return /^([[{]|- |-\r?\n|---|%YAML|accounts[ \t]*:)/.test(start);
  } finally {
    await file.close();
  }
}

async function* documentList(path: string, problems: Problems): AsyncGenerator<Row> {
  if ((await stat(path)).size > maxDocumentBytes) {
    problems.add('line 1', `YAML and JSON are read up to ${maxDocumentBytes} bytes; use CSV for a list this long`);
    return;
  }
  for (const row of documentRows(await readFile(path, 'utf8'), problems)) {
    checkNames([...row.values.keys()], `line ${row.line}`, problems);
    yield row;
  }
}

async function* csvRows(path: string, problems: Problems): AsyncGenerator<Row> {
  const pieces = createReadStream(path, { encoding: 'utf8' }) as AsyncIterable<string>;
  let header: string[] | undefined;
  for await (const { line, fields } of csvRecords(pieces, problems)) {
    if (header === undefined) {
      header = fields.map((name) => name.trim().toLowerCase());
      if (/[\0\ufffd]/.test(header.join(''))) {
        problems.add(`line ${line}`, 'the list is not UTF-8; save it as "CSV UTF-8"');
        return;
      }
      while (header.at(-1) === '') header.pop();
      // A first line that is an account already must not be quoted: it holds passwords.
      if (!header.some((name) => columnNames.includes(name))) {
        problems.add(`line ${line}`, 'expected the names of the columns (pop_host, pop_user …)');
        return;
      }
      checkNames(header, `line ${line}`, problems);
      continue;
    }
    // Spreadsheets fill up with empty values.
    if (fields.every((field) => field.trim() === '')) continue;
    while (fields.length > header.length && fields.at(-1) === '') fields.pop();
    if (fields.length === header.length) yield { line, values: valuesOf(header, fields) };
    else problems.add(`line ${line}`, `has ${fields.length} values where the header has ${header.length} columns`);
  }
}

function valuesOf(header: readonly string[], fields: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const [at, name] of header.entries()) {
    if (fields[at] !== '' && !name.startsWith('x_')) values.set(name, fields[at]!);
  }
  return values;
}

function checkNames(names: readonly string[], place: string, problems: Problems): void {
  for (const [at, name] of names.entries()) {
    if (name.startsWith('x_')) continue;
    if (name === '') problems.add(place, `column ${at + 1} has no name`);
    else if (names.indexOf(name) < at) problems.add(place, `the column ${printable(name, 60)} stands twice`);
    else if (!columnNames.includes(name)) {
      const meant = nearest(name, columnNames);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      problems.add(place, `there is no column ${printable(name, 60)}${hint}`);
    }
  }
}

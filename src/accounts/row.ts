/** One line of the account list, checked and made an account. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { printable } from '../ground/errors.ts';
import { type Account, accountKey, type Endpoint } from './account.ts';
import { columns } from './columns.ts';
import { hostName } from './host-name.ts';
import type { Problems } from './problems.ts';
import type { Profiles } from './profiles.ts';
import { SecretRef } from './secret.ts';
import { suppliedBy } from './supplied.ts';
import { isAddress, isTemplate, userNameOf } from './user-name.ts';

/** The values of one line by column name; empty and absent mean the same. */
export interface Row {
  line: number;
  values: ReadonlyMap<string, string>;
}

/** What all lines of a list share. */
export interface ListContext {
  /** Columns that a line may leave empty, and what they are then. */
  defaults: ReadonlyMap<string, string>;
  /** Folder of the list, absolute: relative paths in it begin here. */
  folder: string;
  problems: Problems;
  /** The names under `oauth` in the settings. */
  oauthNames: readonly string[];
  /** Providers, which supply what line and defaults leave empty. */
  profiles: Profiles;
  /** What was found wrong with each tls_ca file, by path: many lines name the same. */
  authorities: Map<string, string | undefined>;
}

/** Longest value of a column, in characters. */
const maxLength = 4096;

/** The values of a row with the defaults, and a place to complain about them. */
class Cells {
  readonly #row: Row;
  readonly context: ListContext;
  /** What the profiles of the providers supply. */
  supplied: ReadonlyMap<string, string> = new Map();

  constructor(row: Row, context: ListContext) {
    this.#row = row;
    this.context = context;
  }

  /** The value of a column without surrounding blanks, which only a password may have. Empty if there is none. */
  of(column: string): string {
    const value = this.#row.values.get(column) || this.context.defaults.get(column) || this.supplied.get(column) || '';
    return column.endsWith('_password') ? value : value.trim();
  }

  complain(text: string): void {
    this.context.problems.add(`line ${this.#row.line}`, text);
  }

  /** `pop_port is "abc", expected 1 to 65535`, without the value if a password slipped into the column. */
  complainOf(column: string, expected: string): void {
    const value = this.of(column);
    const password = [this.of('pop_password'), this.of('imap_password')].some(
      (each) => each !== '' && value.includes(each),
    );
    this.complain(
      `${column} is ${password ? 'a password' : JSON.stringify(printable(value, 60))}, expected ${expected}`,
    );
  }
}

/**
 * The account of a row. What is wrong with it is noted in `context.problems`, and then the account may be incomplete;
 * it is undefined where not even its key can be told.
 */
export function accountOf(row: Row, context: ListContext): Account | undefined {
  const cells = new Cells(row, context);
  if (!checkText(cells)) return undefined;
  cells.supplied = suppliedBy(context.profiles, cells);
  const source = endpointOf(cells, 'pop', 995, 110);
  const destination = endpointOf(cells, 'imap', 993, 143);
  const enabled = /^(yes|true|1|)$/i.test(cells.of('enabled'));
  if (!enabled && !/^(no|false|0)$/i.test(cells.of('enabled'))) cells.complainOf('enabled', 'yes or no');
  const mailbox = cells.of('imap_mailbox') || 'INBOX';
  if (!source || !destination) return undefined;
  return {
    id: cells.of('id') || labelOf(cells, source),
    key: accountKey(source, destination),
    group: cells.of('group') || 'default',
    enabled,
    source,
    destination,
    // RFC 9051 §5.1: INBOX is the same in every case.
    mailbox: /^inbox$/i.test(mailbox) ? 'INBOX' : mailbox,
    line: row.line,
  };
}

/** Whether every value is text that may go to a server: what is not would let one line speak for another. */
function checkText(cells: Cells): boolean {
  let fine = true;
  const complain = (text: string) => {
    cells.complain(text);
    fine = false;
  };
  for (const { name } of columns) {
    const value = cells.of(name);
    if (value === '') continue;
    if (value.length > maxLength) complain(`${name} is longer than ${maxLength} characters`);
    else if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(value)) complain(`${name} contains a control character`);
    else if (value.includes('\ufffd')) complain(`${name} is not UTF-8; save the list as UTF-8`);
  }
  return fine;
}

function endpointOf(cells: Cells, side: 'pop' | 'imap', tlsPort: number, plainPort: number): Endpoint | undefined {
  const security = cells.of(`${side}_security`).toLowerCase() || 'tls';
  const known = security === 'tls' || security === 'starttls' || security === 'none';
  if (!known) cells.complainOf(`${side}_security`, 'tls, starttls or none');
  const host = hostOf(cells, `${side}_host`);
  const port = portOf(cells, `${side}_port`, security === 'tls' ? tlsPort : plainPort);
  const auth = authOf(cells, `${side}_auth`);
  const user = userOf(cells, `${side}_user`);
  if (cells.of(`${side}_user`) === '') cells.complain(`${side}_user is missing`);
  // A token takes the place of the password, which is not even kept then.
  const password = auth.startsWith('oauth2:') ? SecretRef.none : passwordOf(cells, `${side}_password`);
  const authzUser = userOf(cells, `${side}_authz_user`);
  const tlsCaFile = authorityOf(cells, `${side}_tls_ca`);
  const provider = cells.of(`${side}_provider`).toLowerCase();
  const tlsPin = pinOf(cells, `${side}_tls_pin`, security);
  if (!host || user === '' || !password || !known) return undefined;
  const endpoint: Endpoint = { host, port, security, auth, user, password };
  if (authzUser !== '') endpoint.authzUser = authzUser;
  if (provider !== '') endpoint.provider = provider;
  if (tlsCaFile !== undefined) endpoint.tlsCaFile = tlsCaFile;
  if (tlsPin !== undefined) endpoint.tlsPin = tlsPin;
  return endpoint;
}

/** What people call the account where the line has no id: by whose mailbox the source is. */
function labelOf(cells: Cells, { host, user, authzUser }: Endpoint): string {
  const made = isTemplate(cells.of('pop_authz_user') || cells.of('pop_user'));
  const owner = (made ? addressOf(cells, 'pop') : undefined) ?? authzUser ?? user;
  return isAddress(owner) ? owner : `${owner}@${host}`;
}

function userOf(cells: Cells, column: string): string {
  const text = cells.of(column);
  const side = column.startsWith('pop') ? 'pop' : 'imap';
  const user = userNameOf(text, addressOf(cells, side));
  if (user !== undefined) return user;
  const other = side === 'pop' ? 'imap' : 'pop';
  cells.complainOf(column, `an address to make it from: in id, ${other}_user or ${other}_authz_user`);
  return '';
}

/** The address that the user names of a side are made from: the id, or whose mailbox the other side is. */
function addressOf(cells: Cells, side: 'pop' | 'imap'): string | undefined {
  const other = side === 'pop' ? 'imap' : 'pop';
  const owner = cells.of(`${other}_authz_user`) || cells.of(`${other}_user`);
  return [cells.of('id'), owner].find((text) => isAddress(text) && !isTemplate(text));
}

function hostOf(cells: Cells, column: string): string | undefined {
  const text = cells.of(column).toLowerCase();
  if (text === '') {
    cells.complain(`${column} is missing`);
    return undefined;
  }
  const host = hostName(text);
  if (host === undefined) cells.complainOf(column, 'a host name or an IP address');
  return host;
}

function portOf(cells: Cells, column: string, otherwise: number): number {
  const text = cells.of(column);
  if (text === '') return otherwise;
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) cells.complainOf(column, '1 to 65535');
  return port;
}

function authOf(cells: Cells, column: string): string {
  const text = cells.of(column) || 'auto';
  const [, provider] = /^oauth2:(.*)$/i.exec(text) ?? [];
  if (provider !== undefined) return oauthOf(cells, column, provider.trim());
  // RFC 4422 §3.1: capitals, digits, hyphens and underscores, at most 20.
  if (!/^[a-z0-9_-]{1,20}$/i.test(text)) cells.complainOf(column, 'auto, the name of a mechanism or oauth2:NAME');
  return /^auto$/i.test(text) ? 'auto' : text.toUpperCase();
}

/** A name that the settings do not have is told with those that they have. */
function oauthOf(cells: Cells, column: string, name: string): string {
  const { oauthNames } = cells.context;
  if (!oauthNames.includes(name)) {
    const there = oauthNames.length === 0 ? 'nothing stands there' : `there are ${oauthNames.join(', ')}`;
    cells.complainOf(column, `oauth2: with a name under oauth in the settings, where ${there}`);
  }
  return `oauth2:${name}`;
}

function passwordOf(cells: Cells, column: string): SecretRef | undefined {
  const text = cells.of(column);
  if (text === '') {
    cells.complain(`${column} is missing`);
    return undefined;
  }
  const secret = SecretRef.parse(text, cells.context.folder);
  if (secret instanceof SecretRef) return secret;
  cells.complain(`${column} ${secret.wrong}`);
  return undefined;
}

function authorityOf(cells: Cells, column: string): string | undefined {
  const text = cells.of(column);
  if (text === '') return undefined;
  const { folder, authorities } = cells.context;
  const path = resolve(folder, text);
  if (!authorities.has(path)) authorities.set(path, wrongAuthority(path));
  const wrong = authorities.get(path);
  if (wrong !== undefined) cells.complainOf(column, `a readable PEM file with a certificate: ${wrong}`);
  return path;
}

/** As `openssl x509 -noout -fingerprint -sha256` prints it, with its beginning or without. */
function pinOf(cells: Cells, column: string, security: string): string | undefined {
  const text = cells.of(column);
  if (text === '') return undefined;
  const digits = text.replace(/^sha256 fingerprint=/i, '').replaceAll(':', '');
  if (!/^[0-9a-f]{64}$/i.test(digits)) cells.complainOf(column, 'a SHA-256 fingerprint of 64 hexadecimal digits');
  if (security === 'none') cells.complain(`${column} is for TLS, and ${column.replace('tls_pin', 'security')} is none`);
  return digits.toLowerCase();
}

function wrongAuthority(path: string): string | undefined {
  try {
    return /-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(readFileSync(path, 'latin1'))
      ? undefined
      : 'there is none in it';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'it cannot be read';
  }
}

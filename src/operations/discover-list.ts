/** What an account list says about servers, what it leaves open, and what may be written into it. */
import type { Endpoint } from '../accounts/account.ts';
import type { Row } from '../accounts/cells.ts';
import { addressInUser, type MailAddress, mailAddress } from '../accounts/discovery/address.ts';
import { type Candidate, type Protocol, usualPort } from '../accounts/discovery/candidate.ts';
import { hostName } from '../accounts/host-name.ts';
import { isAddress, isTemplate, userNameOf } from '../accounts/user-name.ts';

/** One side of a line that names no server. */
export interface OpenSide {
  readonly line: number;
  readonly protocol: Protocol;
  /** Whose domain is asked; undefined where the line has no address for this side. */
  readonly address: MailAddress | undefined;
}

/** Values for columns of a line that are empty. */
export interface Fill {
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

/** The settings' `defaults`. */
export type Defaults = Readonly<Record<string, string | number | boolean>>;

/** The settings' defaults by the names that columns have. */
export function columnDefaults(defaults: Defaults): Defaults {
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name.toLowerCase(), value]));
}

/** The columns of a side begin like this. */
export const prefixOf = (protocol: Protocol) => (protocol === 'pop3' ? 'pop' : 'imap');

/** What a line says in a column, its default included. */
function textIn(row: Row, column: string, defaults: Defaults): string {
  return (row.values.get(column) || String(defaults[column] ?? '')).trim();
}

/** The sides of a list's lines that name no server, themselves or by a provider. */
export function openSides(rows: readonly Row[], protocols: readonly Protocol[], defaults: Defaults): OpenSide[] {
  return rows.flatMap((row) =>
    protocols.flatMap((protocol): OpenSide[] => {
      const prefix = prefixOf(protocol);
      const decided = ['host', 'provider'].some((part) => textIn(row, `${prefix}_${part}`, defaults) !== '');
      return decided ? [] : [{ line: row.line, protocol, address: addressOf(row, protocol, defaults) }];
    }),
  );
}

/** Whose mailbox a side is: that of the user name or, at the source, of the id. */
function addressOf(row: Row, protocol: Protocol, defaults: Defaults): MailAddress | undefined {
  const columns = protocol === 'pop3' ? ['pop_user', 'pop_authz_user', 'id'] : ['imap_user', 'imap_authz_user'];
  const made = owner(row, protocol, defaults);
  return columns
    .map((column) => addressInUser(userNameOf(textIn(row, column, defaults), made) ?? ''))
    .find((address) => address !== undefined);
}

/** The address that user names with placeholders are made from, as the list's own reader has it (row.ts). */
function owner(row: Row, protocol: Protocol, defaults: Defaults): string | undefined {
  const other = protocol === 'pop3' ? 'imap' : 'pop';
  const user = textIn(row, `${other}_authz_user`, defaults) || textIn(row, `${other}_user`, defaults);
  return [textIn(row, 'id', defaults), user].find((text) => isAddress(text) && !isTemplate(text));
}

/** What lines of the list and the settings have decided for a domain. Lines that disagree decide nothing. */
export function explicitFor(
  domain: string,
  protocols: readonly Protocol[],
  list: { readonly name: string; readonly rows: readonly Row[] },
  defaults: Defaults,
): Candidate[] {
  return protocols.flatMap((protocol) => {
    const column = `${prefixOf(protocol)}_host`;
    const decided = list.rows.flatMap((row): Candidate[] => {
      if (addressOf(row, protocol, defaults)?.domain !== domain || !row.values.get(column)) return [];
      return serverOf(row, protocol, defaults, { origin: 'list', source: `line ${row.line} of ${list.name}` });
    });
    const same = new Set(decided.map(({ host, port, security }) => `${security} ${host} ${port}`));
    if (same.size > 0) return same.size === 1 ? decided.slice(0, 1) : [];
    const nobody: Row = { line: 0, values: new Map() };
    return serverOf(nobody, protocol, defaults, { origin: 'settings', source: 'defaults in the settings' });
  });
}

function serverOf(
  row: Row,
  protocol: Protocol,
  defaults: Defaults,
  from: Pick<Candidate, 'origin' | 'source'>,
): Candidate[] {
  const prefix = prefixOf(protocol);
  const security = (textIn(row, `${prefix}_security`, defaults).toLowerCase() || 'tls') as Endpoint['security'];
  const host = hostName(textIn(row, `${prefix}_host`, defaults).toLowerCase());
  if (host === undefined || !['tls', 'starttls', 'none'].includes(security)) return [];
  const port = Number(textIn(row, `${prefix}_port`, defaults) || usualPort(protocol, security));
  if (!Number.isInteger(port) || port < 1 || port > 65535) return [];
  return [{ protocol, host, port, security, logins: [], user: undefined, dnsOnly: false, ...from }];
}

/**
 * What a found server adds to a line. A text says why nothing can be: what the line has already is never changed, and
 * must agree.
 */
export function fillOf(row: Row, found: Candidate, address: MailAddress, defaults: Defaults): Fill | string {
  const { protocol, host, port, security } = found;
  const prefix = prefixOf(protocol);
  const values: Record<string, string> = { [`${prefix}_host`]: host };
  const given = textIn(row, `${prefix}_security`, defaults).toLowerCase();
  if (given === '' && security !== 'tls') values[`${prefix}_security`] = security;
  if (given !== '' && given !== security)
    return `${prefix}_security is ${shown(given, /^(?:tls|starttls|none)$/)} there, ${security} was found`;
  const givenPort = textIn(row, `${prefix}_port`, defaults);
  if (givenPort === '' && port !== usualPort(protocol, security)) values[`${prefix}_port`] = String(port);
  if (givenPort !== '' && Number(givenPort) !== port)
    return `${prefix}_port is ${shown(givenPort, /^[0-9]{1,5}$/)} there, ${port} was found`;
  const user = `${prefix}_user`;
  if (textIn(row, user, defaults) === '') {
    if (found.user === undefined) return `${user} is empty, and nobody says what user names look like`;
    values[user] = userNameOf(found.user, address.text)!;
  }
  return { line: row.line, values };
}

/** A value as it may be shown: a password may have slipped into any column. */
function shown(value: string, shape: RegExp): string {
  return shape.test(value) ? value : 'something else';
}

/** What a person should know of a line's user name; undefined where it looks as it should, or nobody knows. */
export function userRemark(row: Row, found: Candidate, address: MailAddress, defaults: Defaults): string | undefined {
  const column = `${prefixOf(found.protocol)}_user`;
  const user = userNameOf(textIn(row, column, defaults), owner(row, found.protocol, defaults)) ?? '';
  if (found.user === undefined || user === '' || address.local === undefined) return undefined;
  const expected = userNameOf(found.user, address.text);
  const looksWrong = user === address.text && expected !== user;
  return looksWrong ? `${column} is the whole address, and ${found.host} expects ${expected}` : undefined;
}

/** Whether an address is among those that were asked for; an asked domain stands for all its addresses. */
export function isAsked(address: MailAddress, asked: readonly MailAddress[]): boolean {
  return asked.some(
    ({ domain, local }) =>
      domain === address.domain && (local === undefined || local.toLowerCase() === address.local?.toLowerCase()),
  );
}

/** Reads the addresses and domains of a command line; those that are none are given back apart. */
export function readAddresses(texts: readonly string[]): { addresses: MailAddress[]; wrong: string[] } {
  const read = texts.map((text) => ({ text, address: mailAddress(text) }));
  return {
    addresses: read.flatMap(({ address }) => address ?? []),
    wrong: read.flatMap(({ text, address }) => (address ? [] : [text])),
  };
}

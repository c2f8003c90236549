/** One line of the account list, checked and made an account. */
import { type Account, accountKey, type Endpoint, longestLabel } from './account.ts';
import { authOf, authorityOf, hostOf, passwordOf, pinOf, portOf } from './cell-values.ts';
import { Cells, type ListContext, type Row } from './cells.ts';
import { columns } from './columns.ts';
import { SecretRef } from './secret.ts';
import { suppliedBy } from './supplied.ts';
import { isAddress, isTemplate, userNameOf } from './user-name.ts';

/** Longest value of a column, in characters. */
const maxLength = 4096;

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
  const id = cells.of('id') || labelOf(cells, source);
  if (id.length > longestLabel) cells.complain(`the id is longer than ${longestLabel} characters; give a shorter one`);
  // RFC 3986 §5.2.4: a browser takes such a part out of an address.
  if (/^\.{1,2}$/.test(id)) cells.complain(`the id must not be ${id}`);
  return {
    id,
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
    const most = name === 'group' ? longestLabel : maxLength;
    if (value.length > most) complain(`${name} is longer than ${most} characters`);
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
  const tlsPin = pinOf(cells, `${side}_tls_pin`, security);
  const provider = cells.of(`${side}_provider`).toLowerCase();
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

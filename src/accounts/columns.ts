/** The columns of the account list: one table for the parser, the example, the documentation and the tests. */

/** What a column may hold, in words, and what an empty one means. */
export interface Column {
  readonly name: string;
  readonly meaning: string;
  readonly values: string;
  /** What applies where neither the line nor the settings' `defaults` have a value; undefined where one is needed. */
  readonly otherwise: string | undefined;
  /** Planned: a value is an error for now. */
  readonly later?: true;
}

const side = (prefix: 'pop' | 'imap', role: string, tlsPort: number, plainPort: number): Column[] => [
  {
    name: `${prefix}_host`,
    meaning: `Host of the ${role}.`,
    values: 'a host name or an IP address',
    otherwise: undefined,
  },
  {
    name: `${prefix}_port`,
    meaning: `Port of the ${role}.`,
    values: '1 to 65535',
    otherwise: `${tlsPort} with tls, ${plainPort} with starttls and none`,
  },
  {
    name: `${prefix}_security`,
    meaning: 'How the connection is protected: TLS at once, STARTTLS (required, never optional), or not at all.',
    values: 'tls, starttls or none',
    otherwise: 'tls',
  },
  {
    name: `${prefix}_auth`,
    meaning:
      'How the login is done: the best that the server offers, one mechanism by its name, such as PLAIN, or with an access token of the provider NAME under `oauth` in the settings.',
    values: 'auto, the name of a mechanism or oauth2:NAME',
    otherwise: 'auto',
  },
  { name: `${prefix}_user`, meaning: `User name at the ${role}.`, values: 'text', otherwise: undefined },
  {
    name: `${prefix}_password`,
    meaning: `Password at the ${role}, or where to find it. Not needed with oauth2:NAME.`,
    values: 'literal text, env:NAME, file:PATH, command:PROGRAM ARGS or literal:TEXT',
    otherwise: undefined,
  },
  {
    name: `${prefix}_authz_user`,
    meaning: 'User whose mailbox is opened when the login is that of a master user (SASL authorization identity).',
    values: 'text',
    otherwise: `${prefix}_user`,
  },
  {
    name: `${prefix}_provider`,
    meaning:
      'Provider whose profile supplies what is empty: host, port, security, and the user where id is an address.',
    values: 'a name from docs/providers.md',
    otherwise: 'the provider to whom the host belongs',
  },
  {
    name: `${prefix}_tls_ca`,
    meaning: 'PEM file with the certificate authority of the server, relative to the list.',
    values: 'the path of a readable file',
    otherwise: 'the authorities that Node.js trusts',
  },
  {
    name: `${prefix}_tls_pin`,
    meaning: 'Fingerprint that the certificate of the server must have. Planned.',
    values: 'empty for now',
    otherwise: 'none',
    later: true,
  },
];

/** Every column, in the order of the documentation. */
export const columns: readonly Column[] = [
  {
    name: 'id',
    meaning: 'Label of the account in commands and reports; no two lines may have the same.',
    values: 'text',
    otherwise: 'pop_user if that is an address, else pop_user@pop_host',
  },
  { name: 'group', meaning: 'Accounts that are steered together with --group.', values: 'text', otherwise: 'default' },
  {
    name: 'enabled',
    meaning: 'Whether the account takes part.',
    values: 'yes or no, true or false, 1 or 0',
    otherwise: 'yes',
  },
  ...side('pop', 'POP3 server (the source)', 995, 110),
  ...side('imap', 'IMAP server (the destination)', 993, 143),
  {
    name: 'imap_mailbox',
    meaning: 'Mailbox at the destination that gets the mail.',
    values: 'the full name of a mailbox',
    otherwise: 'INBOX',
  },
];

/** The names of all columns. */
export const columnNames: readonly string[] = columns.map((column) => column.name);

/** The columns of the account list: one table for the parser, the example, the documentation and the tests. */

/** What a column may hold, in words, and what an empty one means. */
export interface Column {
  readonly name: string;
  readonly meaning: string;
  readonly values: string;
  /** What applies where neither the line nor the settings' `defaults` have a value; undefined where one is needed. */
  readonly otherwise: string | undefined;
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
      'How the login is done: the best that the server offers, one mechanism by its name (docs/logins.md), or with an access token of the provider NAME under `oauth` in the settings.',
    values:
      prefix === 'pop'
        ? 'auto, USER, PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1, SCRAM-SHA-256, APOP, XOAUTH2, OAUTHBEARER or oauth2:NAME'
        : 'auto, PLAIN, LOGIN, XOAUTH2, OAUTHBEARER or oauth2:NAME',
    otherwise: 'auto',
  },
  {
    name: `${prefix}_user`,
    meaning: `User name at the ${role}.`,
    values: 'text; {address}, {local} and {domain} stand for the address of the account and its parts',
    otherwise: undefined,
  },
  {
    name: `${prefix}_password`,
    meaning: `Password at the ${role}, or with XOAUTH2 and OAUTHBEARER the access token; or where to find it. Not needed with oauth2:NAME.`,
    values: 'literal text, env:NAME, file:PATH, command:PROGRAM ARGS or literal:TEXT',
    otherwise: undefined,
  },
  {
    name: `${prefix}_authz_user`,
    meaning: 'User whose mailbox is opened when the login is that of a master user (SASL authorization identity).',
    values: `text, with the same stand-ins as ${prefix}_user`,
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
    meaning:
      'SHA-256 fingerprint of the certificate of the server: this one is accepted and no other, whoever signed it.',
    values: '64 hexadecimal digits, with or without colons',
    otherwise: 'none: authority and name are checked',
  },
];

/** Every column, in the order of the documentation. */
export const columns: readonly Column[] = [
  {
    name: 'id',
    meaning: 'Label of the account in commands and reports; no two lines may have the same.',
    values: 'text',
    otherwise: 'the address that pop_user is made from; else pop_user if that is an address, else pop_user@pop_host',
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

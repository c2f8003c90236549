/** The configuration of a Dovecot that stands alone: a text, and nothing else. Dovecot 2.3 syntax. */

/** What the servers of the demonstration and of the tests can differ in. */
export interface DovecotConfig {
  protocols: readonly ('pop3' | 'imap')[];
  /** Where configuration, mail and log are; a user's mail is below `mail/USER`. */
  directory: string;
  /** Where the Unix sockets are: short, since their paths may have 107 bytes. */
  runDirectory: string;
  ports: DovecotPorts;
  storage: 'maildir' | 'mdbox';
  /** Special-use mailboxes that every user has (RFC 6154). */
  specialUse: readonly SpecialUse[];
  /** Mailboxes that every user has besides, without an attribute; `/` separates levels. */
  mailboxes: readonly string[];
  /** Where a user's mailboxes are, and what separates their levels; Dovecot's own choice where not given. */
  namespace: { prefix: string; separator: string } | undefined;
  /** The whole CAPABILITY answer, instead of the server's own. */
  imapCapability: string | undefined;
  tls: { certFile: string; keyFile: string } | undefined;
  /** A passwd file; undefined: any user, with the password `pw`. */
  usersFile: string | undefined;
  /** Who owns the mail. */
  owner: { uid: number; gid: number };
  /** Name and group of an ordinary user who runs everything alone; undefined when root does. */
  runAs: { user: string; group: string } | undefined;
  /** Lines that come last, and therefore win. */
  extra: string;
}

/** A special-use mailbox, by the name of its attribute. */
export type SpecialUse = 'Sent' | 'Drafts' | 'Junk' | 'Trash' | 'Archive';

/** Loopback ports; the two of TLS are listened on only with a certificate. */
export interface DovecotPorts {
  pop: number;
  pops: number;
  imap: number;
  imaps: number;
}

/** The text of dovecot.conf. */
export function dovecotConfig(config: DovecotConfig): string {
  const users = config.usersFile;
  return [
    `protocols = ${config.protocols.join(' ')}`,
    'listen = 127.0.0.1',
    `base_dir = ${config.runDirectory}`,
    `state_dir = ${config.runDirectory}`,
    `log_path = ${config.directory}/dovecot.log`,
    'disable_plaintext_auth = no',
    'auth_mechanisms = plain login',
    'auth_failure_delay = 0',
    `mail_location = ${config.storage}:${config.directory}/mail/%u/${config.storage === 'maildir' ? 'Maildir' : 'mdbox'}`,
    'first_valid_uid = 1',
    'first_valid_gid = 1',
    'mail_max_userip_connections = 2000',
    'default_vsz_limit = 1G',
    'stats_writer_socket_path =',
    ...tls(config),
    mailboxes(config),
    users
      ? block('passdb', 'driver = passwd-file', `args = ${users}`)
      : block('passdb', 'driver = static', 'args = password=pw'),
    block(
      'userdb',
      'driver = static',
      `args = uid=${config.owner.uid} gid=${config.owner.gid} home=${config.directory}/mail/%u`,
    ),
    ...services(config),
    ...(config.imapCapability === undefined
      ? []
      : [block('protocol imap', `imap_capability = ${config.imapCapability}`)]),
    config.extra,
    '',
  ].join('\n');
}

function tls(config: DovecotConfig): string[] {
  if (!config.tls) return ['ssl = no'];
  return ['ssl = yes', `ssl_cert = <${config.tls.certFile}`, `ssl_key = <${config.tls.keyFile}`];
}

function mailboxes({ specialUse, mailboxes, namespace }: DovecotConfig): string {
  return block(
    'namespace inbox',
    'inbox = yes',
    ...(namespace ? [`prefix = ${namespace.prefix}`, `separator = ${namespace.separator}`] : []),
    ...specialUse.map((name) => block(`mailbox ${name}`, `special_use = \\${name}`, 'auto = create')),
    ...mailboxes.map((name) => block(`mailbox "${name}"`, 'auto = create')),
  );
}

/**
 * One login process serves every connection, and there may be hundreds of sessions. Login and anvil are not confined
 * to a chroot and nobody changes users where an ordinary user runs the server; root keeps Dovecot's own separation.
 */
function services(config: DovecotConfig): string[] {
  const unconfined = config.runAs ? ['chroot ='] : [];
  const login = ['service_count = 0', 'client_limit = 500', 'process_limit = 4', ...unconfined];
  const { ports } = config;
  const text = [
    block('service pop3-login', ...login, ...listeners('pop3', ports.pop, ports.pops, config)),
    block('service imap-login', ...login, ...listeners('imap', ports.imap, ports.imaps, config)),
    block('service pop3', 'process_limit = 400'),
    block('service imap', 'process_limit = 400'),
    // Without the penalty socket a refused login does not slow down the next one from this address.
    block('service anvil', 'client_limit = 1000', ...unconfined, block('unix_listener anvil-auth-penalty', 'mode = 0')),
    // The file of the passwords is readable by the one who started the server alone.
    block('service auth', 'client_limit = 1000', ...(config.runAs ? [] : ['user = root'])),
  ];
  if (!config.runAs) return text;
  const { user, group } = config.runAs;
  return [
    `default_login_user = ${user}`,
    `default_internal_user = ${user}`,
    `default_internal_group = ${group}`,
    ...text,
  ];
}

function listeners(name: 'pop3' | 'imap', port: number, tlsPort: number, config: DovecotConfig): string[] {
  return [
    block(`inet_listener ${name}`, `port = ${port}`),
    block(`inet_listener ${name}s`, `port = ${config.tls ? tlsPort : 0}`, ...(config.tls ? ['ssl = yes'] : [])),
  ];
}

function block(name: string, ...lines: string[]): string {
  return `${name} {\n${lines.join('\n').replace(/^/gm, '  ')}\n}`;
}

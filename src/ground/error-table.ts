/**
 * The one table of errors: what each code stops, whether it is tried again, what it says and what to do about it.
 * docs/errors.md is made from it.
 */

/** How far the damage of an error goes: nothing, one message, one account, every account of a host, the whole run. */
export type Stops = 'none' | 'message' | 'account' | 'host' | 'run';

/**
 * When the same thing is tried again: `never` (a person must act first), `soon` (in this run, after the waits of
 * `retryWaitsMs`), `next-run` (not in this run).
 */
export type Retry = 'never' | 'soon' | 'next-run';

/** One row. */
export interface ErrorEntry {
  stops: Stops;
  retry: Retry;
  /** `{name}` is replaced by the detail of that name. */
  text: string;
  remedy: string;
  /** Exit status of a command that ends because of this error (design §4). */
  exit?: number;
}

/** All rows, by code. */
export const errorTable = {
  // --- the command line, settings and the account list -------------------------------------------------------
  unexpected: {
    stops: 'run',
    retry: 'next-run',
    text: 'unexpected error: {reason}',
    remedy: 'This is a fault of Mailhaul. Run again with --log-level debug and report the log; a re-run is safe.',
    exit: 1,
  },
  usage: { stops: 'run', retry: 'never', text: '{reason}', remedy: 'See mailhaul --help.', exit: 2 },
  'settings-invalid': {
    stops: 'run',
    retry: 'never',
    text: 'the settings are invalid: {reason}',
    remedy: 'Correct the settings named; config/default.yaml lists each with its meaning.',
    exit: 10,
  },
  'rules-unmatched': {
    stops: 'none',
    retry: 'never',
    text: 'the setting rules names {what}, which {path} does not have',
    remedy: 'Correct the name, if it is misspelt: until then other rules place that mail.',
  },
  'list-unreadable': {
    stops: 'run',
    retry: 'never',
    text: 'the account list {path} cannot be read: {reason}',
    remedy: 'Check the path and its permissions.',
    exit: 10,
  },
  'list-invalid': {
    stops: 'run',
    retry: 'never',
    text: 'the account list {path} has {count} wrong line(s): {reason}',
    remedy: 'Correct the lines named; config/accounts.example.csv shows every column.',
    exit: 10,
  },
  'list-unwritable': {
    stops: 'run',
    retry: 'never',
    text: 'the account list {path} cannot be written: {reason}',
    remedy: 'Its file is as it was. Check its directory, permissions and disk, then run the command again.',
    exit: 1,
  },
  'discovery-source': {
    stops: 'none',
    retry: 'never',
    text: '{source} gave no answer that can be used: {reason}',
    remedy: 'None needed where settings were found elsewhere; else see that this machine reaches it, and run again.',
  },
  'discovery-plain': {
    stops: 'none',
    retry: 'never',
    text: '{host}:{port} was named without TLS and is never used',
    remedy: 'Ask the provider for a port with TLS, or write security none into the account list yourself.',
  },
  'secret-missing': {
    stops: 'account',
    retry: 'next-run',
    text: 'the password of {who} cannot be read: {reason}',
    remedy: 'Set the variable, create the file or repair the command that the account list names.',
  },
  'settings-secrets-readable': {
    stops: 'none',
    retry: 'never',
    text: 'the settings file {path} holds a secret and can be read by others (mode {mode})',
    remedy: 'Make it yours alone (chmod 600), or write env:, file: or command: instead of the secret.',
  },
  'oauth-consent-needed': {
    stops: 'account',
    retry: 'next-run',
    text: '{user} has not yet consented that Mailhaul reads mail by oauth2:{provider} ({id}, {side})',
    remedy: 'Run mailhaul authorize with the ID of the account and have the person sign in; then run again.',
  },
  'oauth-consent-revoked': {
    stops: 'account',
    retry: 'next-run',
    text: '{provider} no longer accepts the consent of {user}: {reason}',
    remedy: 'The consent has ended or was taken back: run mailhaul authorize with the ID of the account once more.',
  },
  'oauth-consent-refused': {
    stops: 'run',
    retry: 'never',
    text: '{provider} gave no consent for {user}: {reason}',
    remedy: 'Run mailhaul authorize again, and have the person sign in and agree in time.',
    exit: 3,
  },
  'oauth-client-refused': {
    stops: 'account',
    retry: 'next-run',
    text: '{provider} gives this app no token for {user}: {reason}',
    remedy:
      'Check clientId, clientSecret, clientKeyFile or keyFile, tenant and scope under oauth in the settings, and that an administrator has allowed the app (docs/oauth.md).',
  },
  'oauth-key-unusable': {
    stops: 'account',
    retry: 'next-run',
    text: '{provider} cannot be asked for tokens with its key: {reason}',
    remedy: 'Correct clientKeyFile and clientCertFile under oauth in the settings, or their files (docs/oauth.md).',
  },
  'oauth-key-readable': {
    stops: 'none',
    retry: 'never',
    text: 'the private key {path} of oauth.{name} can be read by others (mode {mode})',
    remedy: 'Make it yours alone (chmod 600).',
  },
  'oauth-unavailable': {
    stops: 'account',
    retry: 'soon',
    text: '{provider} gives no token for {user} now: {reason}',
    remedy: 'Nothing to do if it passes; otherwise see whether the provider can be reached from this machine.',
  },
  'oauth-unusable': {
    stops: 'account',
    retry: 'next-run',
    text: '{provider} cannot be used for tokens: {reason}',
    remedy: 'Check the addresses under oauth in the settings, and that a verified TLS connection to them is possible.',
  },
  'list-secrets-readable': {
    stops: 'none',
    retry: 'never',
    text: 'the account list {path} holds passwords and can be read by others (mode {mode})',
    remedy: 'Make it yours alone (chmod 600), or write env:, file: or command: instead of the passwords.',
  },
  'seal-key-invalid': {
    stops: 'run',
    retry: 'never',
    text: 'the key that seals passwords cannot be taken from {where}: {reason}',
    remedy:
      'Give every host the same key: in MAILHAUL_SEAL_KEY, or in the file that sealKeyFile names (chmod 600). A new one is made by openssl rand -base64 32.',
    exit: 10,
  },
  'seal-key-wrong': {
    stops: 'run',
    retry: 'never',
    text: 'the passwords in Redis were sealed with another key than that of {where}',
    remedy:
      'Use the key of the host that imported the list. If it is lost, docs/accounts.md says how to begin with another one; what was migrated stays known.',
    exit: 10,
  },
  'seal-broken': {
    stops: 'account',
    retry: 'next-run',
    text: 'the stored {what} of account {account} does not open: it was changed in Redis, or sealed with another key',
    remedy: 'Import the account list again, with the key that the other hosts have.',
  },
  'accounts-contended': {
    stops: 'run',
    retry: 'next-run',
    text: 'others changed the stored accounts {count} times while this change was made',
    remedy: 'See who else imports account lists into this Redis, then try again.',
    exit: 1,
  },
  'account-unlisted': {
    stops: 'account',
    retry: 'soon',
    text: 'the account is not, or no longer, in the account list of the service',
    remedy: 'Import it again if its mail is to be carried: what was fetched waits in the spool.',
  },
  'instance-running': {
    stops: 'run',
    retry: 'never',
    text: 'another Mailhaul works on {where}',
    remedy: 'Wait for it or stop it, or use another --data-dir.',
    exit: 11,
  },
  'demo-incomplete': {
    stops: 'run',
    retry: 'never',
    text: 'the demonstration lacks {what}: {reason}',
    remedy: 'Run npm run setup in the checkout; it installs what the demonstration needs.',
    exit: 1,
  },
  // --- the service and its clients ----------------------------------------------------------------------------
  'listen-failed': {
    stops: 'run',
    retry: 'never',
    text: 'the dashboard cannot answer on {where}: {reason}',
    remedy: 'Stop what uses the port, or choose another with --listen HOST:PORT or MAILHAUL_DASHBOARD_PORT.',
    exit: 10,
  },
  'token-unusable': {
    stops: 'run',
    retry: 'never',
    text: 'the token of the API in {path} cannot be used: {reason}',
    remedy: 'Name the data directory of the service with --data-dir, and run as a user who may read its file token.',
    exit: 1,
  },
  'token-refused': {
    stops: 'run',
    retry: 'never',
    text: '{where} does not take the token',
    remedy: 'Send the text of the file token in the data directory of the service as Authorization: Bearer TOKEN.',
    exit: 1,
  },
  'service-unreachable': {
    stops: 'run',
    retry: 'never',
    text: 'no service answers on {where}: {reason}',
    remedy: 'Start it with mailhaul start, or name where it listens with --listen HOST:PORT or --url URL.',
    exit: 1,
  },
  'notification-failed': {
    stops: 'none',
    retry: 'soon',
    text: 'the notification target {target} did not take a message: {reason}',
    remedy:
      'Nothing to do if it passes: it is tried again. Otherwise correct the target under notifications in the settings; mailhaul check --notify tries it.',
  },
  'notification-dropped': {
    stops: 'none',
    retry: 'never',
    text: 'the notification target {target} could not be told of {count} event(s), which are dropped now',
    remedy:
      'Correct the target under notifications in the settings; mailhaul status shows how the accounts stand, and the next message says how many events are missing.',
  },
  'request-refused': {
    stops: 'run',
    retry: 'never',
    text: 'the request is refused: {reason}',
    remedy: 'Send what docs/steering.md describes.',
    exit: 2,
  },
  'requests-too-many': {
    stops: 'run',
    retry: 'never',
    text: 'too many wrong tokens came from {where}',
    remedy: 'Wait a minute, then send the right token.',
    exit: 1,
  },
  'look-only': {
    stops: 'run',
    retry: 'never',
    text: '{who} may look, and change nothing',
    remedy:
      'Log in with the text of the file token and with "allow steering" ticked, or send that text as Authorization: Bearer TOKEN.',
    exit: 1,
  },
  'forged-request': {
    stops: 'run',
    retry: 'never',
    text: 'the request does not come from a page of this service: {reason}',
    remedy:
      'Use the page of the dashboard, at the address that the setting publicUrl names where a proxy stands before it. A program sends Authorization: Bearer TOKEN instead of a cookie.',
    exit: 1,
  },
  'viewers-too-many': {
    stops: 'none',
    retry: 'soon',
    text: '{count} pages are shown live already',
    remedy: 'Close some of them, or raise the setting eventsViewersMax.',
  },
  'exports-full': {
    stops: 'none',
    retry: 'never',
    text: '{count} exports are being made already, and no more are begun',
    remedy: 'Wait until one has ended, or raise apiExportsAtOnce.',
  },
  'export-large': {
    stops: 'none',
    retry: 'never',
    text: 'the messages of {id} that did not arrive have {bytes} bytes, more than the {most} of apiExportMaxBytes',
    remedy: 'Run mailhaul export messages on the machine of the service, or raise apiExportMaxBytes.',
  },
  'task-unknown': {
    stops: 'none',
    retry: 'never',
    text: 'there is no task {id}',
    remedy: 'GET /api/tasks lists those that are kept: none outlives its process, nor apiTasksKept and apiTasksKeptMs.',
  },
  'tasks-full': {
    stops: 'none',
    retry: 'never',
    text: '{count} tasks wait or run already, and no more are taken',
    remedy: 'Wait until one has ended, cancel one, or raise apiTasksKept.',
  },
  'task-result-large': {
    stops: 'none',
    retry: 'never',
    text: 'the result has {bytes} bytes, more than the {most} of apiTasksMaxBytes',
    remedy: 'Ask for fewer accounts at once, or raise apiTasksMaxBytes.',
  },
  'account-unknown': {
    stops: 'run',
    retry: 'never',
    text: 'the service has no account {id}',
    remedy: 'mailhaul status lists the accounts of the service.',
    exit: 2,
  },
  'group-unknown': {
    stops: 'run',
    retry: 'never',
    text: 'the service has no account in a group {group}',
    remedy: 'mailhaul status lists the accounts of the service with their groups.',
    exit: 2,
  },
  'nothing-refused': {
    stops: 'run',
    retry: 'never',
    text: 'no message of {what} is refused, so there is nothing to accept',
    remedy: 'mailhaul status --json shows what was refused, account by account.',
    exit: 2,
  },
  'accounts-fixed': {
    stops: 'run',
    retry: 'never',
    text: 'this service works off a list that it does not change',
    remedy: 'Change the account list and start the service again.',
    exit: 2,
  },
  // --- Redis --------------------------------------------------------------------------------------------------
  'redis-missing': {
    stops: 'run',
    retry: 'never',
    text: 'no redis-server or valkey-server was found on the PATH',
    remedy: 'Install one (Debian: apt install redis-server), or name a running one with --redis URL.',
    exit: 10,
  },
  'redis-unreachable': {
    stops: 'run',
    retry: 'next-run',
    text: 'Redis at {where} does not answer: {reason}',
    remedy: 'Start Redis or correct --redis. Nothing is lost: run again when it answers.',
    exit: 1,
  },
  'redis-full': {
    stops: 'run',
    retry: 'next-run',
    text: 'Redis at {where} has no memory left and takes nothing more',
    remedy: 'Raise maxmemory there, or delete what else is kept in it. Nothing is lost: run again when there is room.',
    exit: 1,
  },
  'redis-unsafe': {
    stops: 'none',
    retry: 'never',
    text: 'Redis at {where} may forget what was done: {reason}',
    remedy: 'Set maxmemory-policy noeviction and turn on appendonly there.',
  },
  'redis-password-shown': {
    stops: 'none',
    retry: 'never',
    text: 'the password of Redis stands on the command line, where every user of this machine can read it',
    remedy: 'Leave it out of --redis and set redisPassword, as file:PATH or by the variable MAILHAUL_REDIS_PASSWORD.',
  },
  'ledger-newer': {
    stops: 'run',
    retry: 'never',
    text: 'the data in Redis at {where} has version {found}; this Mailhaul knows version {known} and has not touched it',
    remedy: 'Start the newer Mailhaul again, or bring back the backup that was made before it was installed.',
    exit: 10,
  },
  'ledger-in-use': {
    stops: 'run',
    retry: 'next-run',
    text: 'the data in Redis at {where} must be migrated from version {found} to {known}, and {count} older process(es) are at work on it',
    remedy: 'Stop every older Mailhaul on this Redis, then start the new one: it migrates first.',
    exit: 11,
  },
  'ledger-migrating': {
    stops: 'run',
    retry: 'next-run',
    text: 'the data in Redis at {where} is being migrated by another process',
    remedy: 'Wait for it and start again.',
    exit: 11,
  },
  // --- reaching a server (both sides) -------------------------------------------------------------------------
  'host-unknown': {
    stops: 'host',
    retry: 'soon',
    text: 'the host name {host} is not known',
    remedy: 'Correct the host in the account list, or the name service.',
  },
  'connection-refused': {
    stops: 'host',
    retry: 'soon',
    text: '{host}:{port} refuses connections: {reason}',
    remedy: 'Check host, port and firewall; many servers offer only the TLS ports 995 and 993.',
  },
  'connect-timeout': {
    stops: 'host',
    retry: 'soon',
    text: '{host}:{port} did not accept a connection within {seconds} s',
    remedy: 'Check host, port and firewall.',
  },
  'source-address': {
    stops: 'host',
    retry: 'soon',
    text: '{host}:{port} cannot be reached from the address {address}: {reason}',
    remedy:
      'Correct localAddress under connections: an address of this machine, IPv6 for a host with IPv6 addresses only.',
  },
  'proxy-unreachable': {
    stops: 'host',
    retry: 'soon',
    text: 'the proxy {proxy} on the way to {host}:{port} cannot be reached: {reason}',
    remedy: 'Check proxy under connections, and whether the proxy runs.',
  },
  'proxy-refused': {
    stops: 'host',
    retry: 'soon',
    text: 'the proxy {proxy} does not connect to {host}:{port}: {reason}',
    remedy: 'Check host and port, proxyUser and proxyPassword, and what the proxy allows; its log says more.',
  },
  'connection-file': {
    stops: 'host',
    retry: 'next-run',
    text: '{setting} of the connections to {host} cannot be used: {what}: {reason}',
    remedy: 'Correct the setting under connections, or the file or variable that it names.',
  },
  'greeting-missing': {
    stops: 'account',
    retry: 'soon',
    text: '{host}:{port} did not say a word within {seconds} s',
    remedy: 'If the port speaks TLS at once (995 and 993 do), use security tls. If not, look at the server.',
  },
  'tls-unverified': {
    stops: 'host',
    retry: 'never',
    text: 'the certificate of {host}:{port} does not verify: {reason}',
    remedy:
      'Use the name that stands in the certificate as the host (or as serverName under connections), name the authority of the server with pop_tls_ca or imap_tls_ca, or pin this very certificate with pop_tls_pin or imap_tls_pin. See docs/transport.md.',
  },
  'tls-pin-mismatch': {
    stops: 'host',
    retry: 'never',
    text: 'the certificate of {host}:{port} is not the pinned one; its SHA-256 fingerprint is {fingerprint}',
    remedy:
      'If the server got a new certificate, make sure of its fingerprint there and put it into pop_tls_pin or imap_tls_pin. If it did not, someone may be tampering with the connection.',
  },
  'tls-too-old': {
    stops: 'host',
    retry: 'never',
    text: '{host}:{port} speaks no TLS that is new and strong enough: {reason}',
    remedy:
      'Bring TLS there up to date. Where that cannot be, allow this host less: minTlsVersion TLSv1 under connections.',
  },
  'tls-not-spoken': {
    stops: 'host',
    retry: 'never',
    text: '{host}:{port} answers in something else than TLS: {reason}',
    remedy: 'Use the port that speaks TLS at once (995 and 993), or security starttls with this one (110 and 143).',
  },
  'tls-client-refused': {
    stops: 'host',
    retry: 'never',
    text: '{host}:{port} wants another client certificate than it was shown, or wants one at all: {reason}',
    remedy: 'Name one that the server trusts with tlsCertFile and tlsKeyFile under connections.',
  },
  'tls-failed': {
    stops: 'host',
    retry: 'soon',
    text: 'no TLS connection to {host}:{port}: {reason}',
    remedy:
      'Check the port: 995 and 993 speak TLS at once, 110 and 143 after STARTTLS (security starttls). A server that closes in the middle may know old versions of TLS only: minTlsVersion under connections.',
  },
  'plain-to-tls': {
    stops: 'host',
    retry: 'never',
    text: '{host}:{port} expects TLS at once, and the line says {security}',
    remedy: 'Use security tls with this port; starttls belongs to port 110 (POP3) or 143 (IMAP).',
  },
  'starttls-missing': {
    stops: 'host',
    retry: 'never',
    text: '{host}:{port} does not offer STARTTLS',
    remedy: 'Use security tls with port 995 or 993. Plain text is used only where the line says none.',
  },
  'starttls-injected': {
    stops: 'host',
    retry: 'never',
    text: '{host}:{port} sent plain text where TLS should begin',
    remedy: 'Someone may be tampering with the connection. Use security tls with port 995 or 993.',
  },
  'credentials-refused': {
    stops: 'account',
    retry: 'never',
    text: '{host} refuses the user name or password of {user}: {reply}',
    remedy: 'Correct user name and password (some providers ask for an app password), then run again.',
    exit: 12,
  },
  'login-cut': {
    stops: 'account',
    retry: 'next-run',
    text: '{host} closes the connection without a word when it gets the password of {user} ({during})',
    remedy:
      'Check user name and password: some servers refuse them so, and accounts lock, so it is tried once a run from now on. If they are right, look at the log of the server.',
  },
  // What a server tells of a refused login. Where `exit` is 12 it is the credential that is refused.
  'app-password-needed': {
    stops: 'account',
    retry: 'never',
    text: '{host} wants an app password for {user}: {reply}',
    remedy:
      'Let the user make an app password in the security settings of the account, and write it into the list in place of the usual one.',
    exit: 12,
  },
  'oauth-needed': {
    stops: 'account',
    retry: 'never',
    text: '{host} takes no password of {user}, only OAuth2: {reply}',
    remedy: 'Let the account log in with a token: oauth2:NAME in pop_auth or imap_auth.',
    exit: 12,
  },
  'password-expired': {
    stops: 'account',
    retry: 'never',
    text: '{host} says that the password of {user} has expired: {reply}',
    remedy: 'Let the user set a new password, write it into the list, and run again.',
    exit: 12,
  },
  'user-form-wrong': {
    stops: 'account',
    retry: 'never',
    text: '{host} wants another form of the user name than {user}: {reply}',
    remedy:
      'Write the user name as the server says: the whole address, or only the part before the @. The password may be right.',
    exit: 12,
  },
  'web-login-needed': {
    stops: 'account',
    retry: 'never',
    text: '{host} lets {user} in only after a sign-in on the web: {reply}',
    remedy:
      'Let the user sign in once with a web browser, answer what the provider asks there, and run again. The password may be right.',
  },
  'pop-disabled': {
    stops: 'account',
    retry: 'never',
    text: 'POP access is switched off for the mailbox of {user} at {host}: {reply}',
    remedy: 'Switch POP on in the settings of the mailbox, or ask its administrator to. The password may be right.',
  },
  'imap-disabled': {
    stops: 'account',
    retry: 'never',
    text: 'IMAP access is switched off for the mailbox of {user} at {host}: {reply}',
    remedy: 'Switch IMAP on in the settings of the mailbox, or ask its administrator to. The password may be right.',
  },
  'account-disabled': {
    stops: 'account',
    retry: 'never',
    text: '{host} says that the account of {user} is disabled: {reply}',
    remedy: 'Ask the administrator of the server to enable it, or take the line out of the list.',
  },
  'credentials-unsafe': {
    stops: 'account',
    retry: 'never',
    text: 'the {what} of {user} for {host} has a line break, a NUL or a %x01 in it and is not sent',
    remedy: 'Correct it in the account list, or in the file, variable or command that it comes from.',
  },
  'login-mechanism': {
    stops: 'account',
    retry: 'never',
    text: '{host} offers no login that Mailhaul may use (wanted {wanted}, offered {offered})',
    remedy: 'Correct pop_auth or imap_auth, or switch the mechanism on at the server.',
  },
  'server-unproven': {
    stops: 'host',
    retry: 'never',
    text: '{host} did not prove in the login by {mechanism} that it knows the password: {reason}',
    remedy:
      'Someone may be in the place of the server. Use security tls; if it is the right server and its mechanism is broken, name another one with pop_auth.',
  },
  'account-busy': {
    stops: 'account',
    retry: 'soon',
    text: '{host} says that the mailbox of {user} is in use or the server is busy: {reply}',
    remedy: 'None needed: it is tried again. Close other programs that fetch this mailbox.',
  },
  'server-unavailable': {
    stops: 'account',
    retry: 'soon',
    text: '{host} cannot serve {user} now: {reply}',
    remedy: 'None needed: it is tried again.',
  },
  'budget-too-small': {
    stops: 'host',
    retry: 'never',
    text: '{host} is allowed {limit} by the setting {name}, but a session there needs {count} connection(s)',
    remedy: 'Raise the limit of this host under budgets; a destination needs one connection to append and one to look.',
  },
  'budget-waits': {
    stops: 'account',
    retry: 'next-run',
    text: 'left before all was done: the account is to wait until {until}, because {because}',
    remedy:
      'Run the command again then, or let the service (mailhaul start) wait; syncWaitMaxMs is how long sync does.',
  },
  'budget-oversized': {
    stops: 'none',
    retry: 'never',
    text: '{count} message(s) were larger than what {host} is allowed in a day, and got a day of their own',
    remedy: 'None needed; if the provider locks the account, see docs/budgets.md.',
  },
  'flags-dropped': {
    stops: 'none',
    retry: 'never',
    text: '{count} message(s) arrived without flags that their mailbox does not keep: {where}',
    remedy:
      'None needed: the messages are there. Which flags a mailbox keeps is a setting of the destination; see docs/dates-and-flags.md.',
  },
  'merged-by-destination': {
    stops: 'none',
    retry: 'never',
    text: '{host} kept another message in place of {count} that it said OK to: they count as duplicates',
    remedy:
      'None needed where the messages are equal. Who needs each of several with one Message-ID has to keep them elsewhere.',
  },
  'rewritten-by-destination': {
    stops: 'none',
    retry: 'never',
    text: '{host} changes the header of what it stores: {count} message(s) of this run',
    remedy: 'None needed; mailhaul verify compares what a provider leaves as it is.',
  },
  'server-silent': {
    stops: 'account',
    retry: 'soon',
    text: '{host} stopped answering for {seconds} s during {during}',
    remedy: 'None needed: it is tried again. If it lasts, look at the server.',
  },
  'connection-lost': {
    stops: 'account',
    retry: 'soon',
    text: '{host} closed the connection during {during}',
    remedy: 'None needed: it is tried again. If it lasts, look at the log of the server.',
  },
  'protocol-error': {
    stops: 'account',
    retry: 'soon',
    text: '{host} broke the protocol during {during}: {reply}',
    remedy: 'If it lasts, report the answer shown.',
  },
  'pipelining-broken': {
    stops: 'none',
    retry: 'soon',
    text: '{host} mixed up its answers; from now on it gets one command at a time',
    remedy: 'None needed.',
  },
  'listing-too-large': {
    stops: 'account',
    retry: 'never',
    text: 'the listing of {host} is larger than {limit}',
    remedy: 'Raise popListingMaxMessages or popListingMaxBytes.',
  },
  // --- messages at the source ---------------------------------------------------------------------------------
  'message-unreadable': {
    stops: 'message',
    retry: 'next-run',
    text: '{host} does not hand out message {number}: {reply}',
    remedy: 'Open the message at the source; it is tried again by the next run.',
  },
  'message-vanished': {
    stops: 'none',
    retry: 'never',
    text: 'message {number} was deleted at the source before it was fetched',
    remedy: 'None needed.',
  },
  'message-cut': {
    stops: 'account',
    retry: 'soon',
    text: '{host} closed the connection in the middle of a message',
    remedy: 'None needed: the message is fetched again from its beginning.',
  },
  'message-hidden': {
    stops: 'message',
    retry: 'never',
    text: 'the source lists {count} message(s) no more that were fetched into a spool which is lost',
    remedy:
      'Bring the host with the spool back, or find them at the source (Gmail: All Mail) and offer them to POP again.',
  },
  'uidl-missing': {
    stops: 'none',
    retry: 'never',
    text: '{host} gives no unique ids: every run downloads everything and compares contents',
    remedy: 'None needed; expect re-runs to take as long as the first.',
  },
  'uidl-shared': {
    stops: 'none',
    retry: 'never',
    text: '{count} message(s) of {host} share a unique id or have none: they are compared by content in every run',
    remedy: 'None needed.',
  },
  'uidl-reset': {
    stops: 'none',
    retry: 'never',
    text: '{host} has given its messages new unique ids: they were downloaded again and compared by content',
    remedy: 'None needed; nothing that was carried before is carried again.',
  },
  'drain-unfinished': {
    stops: 'none',
    retry: 'next-run',
    text: '{host} did not answer a last listing, which would show mail it had held back: {reason}',
    remedy: 'Run again; mail that came to light meanwhile is carried then.',
  },
  // --- the spool ----------------------------------------------------------------------------------------------
  'spool-full': {
    stops: 'run',
    retry: 'soon',
    text: 'the disk of the spool {path} is full: {reason}',
    remedy: 'Free disk space, or name another --data-dir. Nothing is lost: run again.',
    exit: 3,
  },
  'spool-failed': {
    stops: 'run',
    retry: 'next-run',
    text: 'the spool {path} cannot be used: {reason}',
    remedy: 'Check the directory, its permissions and its disk.',
    exit: 1,
  },
  'spool-damaged': {
    stops: 'none',
    retry: 'soon',
    text: 'the batch file {path} is damaged: {reason}',
    remedy: 'None needed: its messages are fetched again. Check the disk.',
  },
  'spool-lost': {
    stops: 'none',
    retry: 'soon',
    text: 'no append worker has served the spool {spool} for {minutes} minutes; its {count} batch(es) are fetched again',
    remedy: 'None needed. Where the source hides what was fetched, bring the host with that spool back instead.',
  },
  // --- leases -------------------------------------------------------------------------------------------------
  'lease-lost': {
    stops: 'account',
    retry: 'soon',
    text: 'another worker took over {what}',
    remedy: 'None needed: the other worker goes on.',
  },
  // --- the destination ----------------------------------------------------------------------------------------
  'append-refused': {
    stops: 'message',
    retry: 'never',
    text: '{host} refuses the message: {reply}',
    remedy:
      'mailhaul export messages hands it out with the reason; mailhaul retry has it tried again; accept it when it may stay behind.',
  },
  'message-too-big': {
    stops: 'message',
    retry: 'never',
    text: 'the message has {size} bytes and {host} takes {limit}',
    remedy: 'Raise the limit at the destination and say mailhaul retry, or accept the refusal.',
  },
  'message-empty': {
    stops: 'message',
    retry: 'never',
    text: 'the message is empty and is not sent',
    remedy: 'Accept it: there is nothing in it.',
  },
  'message-skipped': {
    stops: 'none',
    retry: 'never',
    text: 'skipped by the rule {rule}: {reason}',
    remedy: 'Nothing to do if that is what the rule is for; see the setting rules and docs/placement.md.',
  },
  'placement-unknown': {
    stops: 'none',
    retry: 'never',
    text: 'where the mail would go cannot be told: {reason}',
    remedy: 'Nothing to do: sync fetches whole messages and places them by the same rules.',
  },
  'mailbox-full': {
    stops: 'account',
    retry: 'next-run',
    text: 'the mailbox of {user} at {host} is full: {reply}',
    remedy:
      'Raise the quota of the mailbox, or have mail deleted there. The service looks again after quotaRecheckMs, or at once after mailhaul retry; sync at its next run.',
  },
  'mailbox-refused': {
    stops: 'account',
    retry: 'next-run',
    text: '{host} does not let the mailbox {mailbox} be opened or created: {reply}',
    remedy: 'Create it by hand, or choose another with imap_mailbox.',
  },
  'refusals-in-a-row': {
    stops: 'account',
    retry: 'next-run',
    text: '{host} refused {count} messages of {user} one after the other, at last with: {reply}',
    remedy:
      'See what is wrong at the destination, then run again; mailhaul retry takes up what was refused. If these messages may stay behind, raise refusalsInARow.',
  },
  'flags-refused': {
    stops: 'none',
    retry: 'never',
    text: '{host} took {count} message(s) only without their {what}: {reply}',
    remedy: 'None needed: the messages are whole. Set the flags at the destination by hand where they matter.',
  },
  'message-repaired': {
    stops: 'none',
    retry: 'never',
    text: '{host} took {count} message(s) only after a repair, at last {repair}: {reply}',
    remedy: 'None needed. docs/refusals.md says what each repair changes; repairs: [] in the settings makes none.',
  },
  'server-alert': {
    stops: 'none',
    retry: 'never',
    text: '{host} wants to be read: {reply}',
    remedy: 'Read it: servers say so before they lock or move a mailbox.',
  },
  'mailbox-renamed': {
    stops: 'none',
    retry: 'never',
    text: '{host} does not take the name of {count} mailbox(es) as it stands: {named}',
    remedy: 'None needed: docs/mailbox-names.md has the rule. Choose other names in the settings to avoid it.',
  },
  'append-in-doubt': {
    stops: 'account',
    retry: 'soon',
    text: '{host} took messages and the connection was lost before its answer',
    remedy: 'None needed: the destination is looked at before anything is sent again.',
  },
  'uidvalidity-changed': {
    stops: 'account',
    retry: 'never',
    text: 'the mailbox {mailbox} at {host} was replaced and lacks mail that was delivered to it',
    remedy: 'Find out what happened to the mailbox; then run again with --recheck, and what is new is carried.',
  },
  // --- check: what will be in the way ----------------------------------------------------------------------------
  'tls-ends-soon': {
    stops: 'none',
    retry: 'never',
    text: 'the certificate of {host}:{port} ends in {days} day(s), on {date}',
    remedy: 'Have it renewed before then, or the migration stops on that day.',
  },
  'tls-unused': {
    stops: 'none',
    retry: 'never',
    text: '{host}:{port} offers TLS, and the line says none: mail and passwords travel in the clear',
    remedy: 'Use security starttls with this port, or tls with port 995 (POP3) or 993 (IMAP).',
  },
  'source-expires': {
    stops: 'message',
    retry: 'never',
    text: '{host} says EXPIRE 0: it may delete every message once it has been fetched',
    remedy:
      'Have the policy of the server changed before anything is fetched; if that cannot be, count on mail being at the destination alone.',
  },
  'source-may-expire': {
    stops: 'none',
    retry: 'never',
    text: '{host} says EXPIRE 0: what was fetched may be gone there once its session has ended',
    remedy:
      'None needed for this mail: a session ends only when all it fetched is safe. Do not count on the source as a copy; mailhaul verify shows that all of it has arrived.',
  },
  'source-expires-later': {
    stops: 'none',
    retry: 'never',
    text: '{host} says EXPIRE {policy}: it deletes mail by a rule of its own',
    remedy: 'None needed if the migration ends before then; what the server has deleted meanwhile is reported.',
  },
  'source-ceiling': {
    stops: 'none',
    retry: 'never',
    text: '{host} lists exactly {count} messages of {user}, as servers do that never show more',
    remedy:
      'Compare with the mailbox on the web. Where it holds more, older mail cannot be reached by POP3 (WildDuck shows the newest 250): have the limit raised at the server, or move the rest in another way.',
  },
  'source-login-delay': {
    stops: 'none',
    retry: 'never',
    text: '{host} wants {seconds} s between two logins of a user',
    remedy: 'None needed: it is obeyed; sessions of one mailbox wait for each other.',
  },
  'uidl-renewed': {
    stops: 'none',
    retry: 'never',
    text: '{host} has given new unique ids to mail that was carried before',
    remedy: 'None needed: it is downloaded again, compared by content, and not carried twice. Expect a long run.',
  },
  'messages-too-big': {
    stops: 'message',
    retry: 'never',
    text: '{count} message(s) are larger than the {limit} that {host} takes; the largest has {largest}',
    remedy: 'Raise the limit at the destination, or these messages will be refused and reported.',
  },
  'quota-too-small': {
    stops: 'account',
    retry: 'never',
    text: '{incoming} will come to the mailbox of {user} at {host}, and its quota leaves {free}',
    remedy: 'Raise the quota of the mailbox before the migration.',
  },
  // --- verify: what is at the destination, held against what was listed ------------------------------------------
  'verify-missing': {
    stops: 'message',
    retry: 'never',
    text: '{count} message(s) that were delivered are not at the destination: {named}',
    remedy:
      'Ask the user: what a user deleted on purpose is named too. No later run delivers it again; what is wanted back is copied from the source by hand.',
  },
  'verify-altered': {
    stops: 'message',
    retry: 'never',
    text: '{count} message(s) at the destination differ from those of the source: {named}',
    remedy: 'Compare them by hand; as long as the source keeps them, the original is there.',
  },
  'verify-unproven': {
    stops: 'message',
    retry: 'never',
    text: '{count} message(s) at the destination could not be held against an original: {named}',
    remedy: 'Look at them: a server that rewrites mail causes this, and so does damage.',
  },
  'verify-doubled': {
    stops: 'message',
    retry: 'never',
    text: '{count} message(s) at the destination are copies that the source does not have: {named}',
    remedy: 'Delete what nobody copied on purpose: the content is the same.',
  },
  'verify-unrecorded': {
    stops: 'message',
    retry: 'next-run',
    text: '{count} message(s) are on both sides, and the ledger lacks them: {named}',
    remedy: 'Run mailhaul sync: it recognises them and appends nothing.',
  },
  'verify-pending': {
    stops: 'message',
    retry: 'next-run',
    text: '{count} message(s) of the source are not delivered yet: {named}',
    remedy: 'Run mailhaul sync, then verify again.',
  },
  'verify-refused': {
    stops: 'message',
    retry: 'never',
    text: '{count} message(s) were refused by the destination: {named}',
    remedy: 'Deliver them in another way, or accept that they stay behind.',
  },
  'verify-file': {
    stops: 'run',
    retry: 'never',
    text: 'the file {path} cannot be written: {reason}',
    remedy: 'Name a file with --messages that can be written, on a disk with room.',
    exit: 1,
  },
  'sums-disagree': {
    stops: 'account',
    retry: 'never',
    text: 'the sums do not agree: {reason}',
    remedy:
      'Do not rely on the numbers of this account. Run mailhaul sync, then report again; if it stays, this is a fault of Mailhaul, or its Redis lost something: mailhaul verify says what is at the destination.',
  },
  'verification-file': {
    stops: 'run',
    retry: 'never',
    text: 'the record of the verification {path} cannot be used: {reason}',
    remedy:
      'Records are kept in the folder verification of the data directory: see that it can be written, or use verify --no-record. What report --verification names must be the document of verify --json.',
    exit: 1,
  },
  'export-failed': {
    stops: 'run',
    retry: 'never',
    text: '{path} cannot be written: {reason}',
    remedy:
      'Name a place with --out that can be written, on a disk with room, and run the command again: what it has written stays.',
    exit: 1,
  },
  'export-exists': {
    stops: 'run',
    retry: 'never',
    text: '{path} exists already and is something else; nothing was overwritten',
    remedy: 'Name another place with --out, or move away what is there.',
    exit: 2,
  },
  'uidlist-unfit': {
    stops: 'run',
    retry: 'never',
    text: 'the ids of POP3 cannot be written into {path}: {reason}',
    remedy:
      'Name the dovecot-uidlist of the mailbox that the mail went to, as Dovecot 2 writes it (docs/export.md). Nothing was written.',
    exit: 2,
  },
  'not-supported-yet': {
    stops: 'account',
    retry: 'never',
    text: '{what} is not supported yet',
    remedy: 'Remove it from the line.',
  },
} as const satisfies Record<string, ErrorEntry>;

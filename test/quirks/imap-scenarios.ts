/** The table of scenarios for docs/quirks.csv: what destinations do. test/quirks.test.ts holds it. */
import { at, row, type Scenario } from './scenario.ts';

/** A row of the table of refused APPENDs. */
function refusal(piece: string): Scenario {
  return row(at('imap/classify', 'classifyRefusal, after the table of responses', '%s [%s] %s: %s, %s'), piece);
}

/** A row of those which a session meets at a scripted server. */
function met(piece: string): Scenario {
  return row(at('append/refusals', 'each row of the table of refusals', '%s'), piece);
}

/** One of the repairs. */
function repaired(piece: string): Scenario {
  return row(at('append/refusals', 'a repair', '%s is made, recorded and counted'), piece);
}

/** Scenarios at destinations, by key. */
export const imapScenarios = {
  'append-trycreate': refusal("['NO', 'TRYCREATE', '', 'create'"),
  'append-mailbox-missing': at('imap/append-failures', 'a refusal', 'for a missing mailbox says so'),
  'append-toobig': met("TOOBIG: { texts: ['NO [TOOBIG] no'], ends: 'refused'"),
  'append-toobig-before-upload': at(
    'imap/append-failures',
    'a refusal',
    'before the upload sends nothing of the message',
  ),
  'append-toobig-bye': at(
    'imap/append-failures',
    'a refusal',
    'by BYE [TOOBIG] is a refusal of the message, and the end of the connection',
  ),
  'limit-of-each-mailbox': at(
    'imap/mailboxes',
    'the largest message that a mailbox takes',
    'is asked for where each mailbox has one of its own',
  ),
  'limit-of-the-server': at(
    'imap/mailboxes',
    'the largest message that a mailbox takes',
    'is that of the server where it says one for all',
  ),
  'limit-unknown': at(
    'imap/mailboxes',
    'the largest message that a mailbox takes',
    'is unknown where the server does not answer what it announces, and the connection goes on',
  ),
  'too-big-is-not-uploaded': at(
    'flow/quota',
    'not a byte is uploaded of what is known to be too large, or refused before its upload',
  ),
  'limit-obeyed': row(
    at('flow/append-modes', 'a refused message costs only itself'),
    "tooLarge = 'before it is sent, where it is too large for its mailbox, and each has a limit of its own'",
  ),
  'append-overquota': row(
    at('flow/bad-server', 'a fault that lasts for a whole run'),
    '{full}: the account stops, and carries on when there is room`, async',
  ),
  'mailbox-fills-up': at(
    'flow/quota',
    'a mailbox that fills up takes what fits, in order, and the rest once there is room',
    '$name, $storage',
  ),
  'append-overquota-rate': refusal("['NO', 'OVERQUOTA', 'Account exceeded command or bandwidth limits', 'wait'"),
  'append-limit': met("'LIMIT of flags': { texts: ['NO [LIMIT] flags', 'OK'], ends: 'appended'"),
  'append-throttled': met("THROTTLED: { texts: ['NO [THROTTLED] slow']"),
  'throttled-hint': row(
    at('imap/classify', 'what a server asks for', 'in answer to APPEND: [%s] %s'),
    "['THROTTLED', '', { hint",
  ),
  'append-backoff': at(
    'imap/classify',
    'classifyRefusal, after the table of responses',
    'a hint how long to wait is handed on in full',
  ),
  'backoff-obeyed': at(
    'flow/budgets',
    'the wishes of a server',
    'Suggested Backoff Time is obeyed, however short the waits of the settings are',
  ),
  'append-unavailable': met("UNAVAILABLE: { texts: ['NO [UNAVAILABLE] later']"),
  'append-inuse': met("INUSE: { texts: ['NO [INUSE] busy'], ends: 'account-busy'"),
  'append-serverbug': met("'SERVERBUG for ever'"),
  'append-cannot': met("'Yahoo: Deleted'"),
  'append-clientbug': met("'CLIENTBUG, and nothing to repair'"),
  'append-needs-a-person': met("NOPERM: { texts: ['NO [NOPERM] no'], ends: 'mailbox-refused'"),
  alert: at('append/refusals', 'more than a message', 'is said: alerts and a quota that is near stand in the report'),
  bye: at('imap/classify', 'mailboxError, byeError and saysMissing'),
  'connection-dropped': row(
    at('flow/bad-server', 'a fault that a run gets over by itself', '%s'),
    "'a destination that drops it after the closing bytes, having stored': drop('after-storing')",
  ),
  'append-tempfail': refusal("['NO', 'TEMPFAIL', '', 'wait'"),
  'exchange-argument-error': met("'Exchange 11'"),
  'append-bad': met("'Exchange 10'"),
  'exchange-login-error': row(
    at('imap/classify', 'loginError', '%s [%s] %s: %s'),
    "['BAD', undefined, 'Command Argument Error. 12', 'credentials-refused']",
  ),
  'names-are-ascii': at(
    'imap/names',
    'modified UTF-7',
    'comes back unchanged and is printable ASCII, whatever the name',
  ),
  'exchange-unavailable': met("'Exchange 15'"),
  'exchange-not-connected': met("'not connected'"),
  'append-virus': met('virus: {'),
  'append-storage-limit': refusal(
    "['NO', undefined, 'APPEND The 1500 MB storage limit has been reached', 'account-full'",
  ),
  'append-nul-refused': repaired('nul: ['),
  'append-header-limit': met("'header limit'"),
  'append-bad-costs-its-connection': at(
    'append/refusals',
    'a refused message',
    'costs a connection with each BAD, so that no server counts to three',
  ),
  'append-stored-all-the-same': at(
    'append/refusals',
    'a refused message',
    'that is stored all the same is found before it is sent again',
  ),
  'append-mailbox-made-again': at('append/refusals', 'more than a message', 'is gone: the mailbox is made again, once'),
  'refusals-in-a-row': at(
    'append/refusals',
    'more than a message',
    'is wrong where so many are given up in a row: the account stops, and no more is settled',
  ),
  'refused-alone': at('flow/append-modes', 'a refused message costs only itself', '%s'),
  'repair-line-ends': repaired("'line-ends': ["),
  'repair-8-bit': repaired("'header-8bit': ["),
  'repair-separator': repaired('separator: ['),
  'repair-from-line': repaired("'mbox-from': ["),
  'repair-final-crlf': repaired("'final-crlf': ["),
  merged: at('flow/changed-mail', 'what was merged is a duplicate of what was kept, in every run and for verify'),
  'rewritten-by-profile': at(
    'flow/changed-mail',
    'what a profile says is rewritten is counted, and what it leaves alone is not',
  ),
  'untagged-in-between': at(
    'imap/append-failures',
    'answers that bend the rules',
    'untagged lines, alerts and literals in between are passed over',
  ),
  'append-refused': met("'plain NO for ever'"),

  'header-rewritten': at(
    'flow/verify',
    'with scripted servers',
    'what the destination did to a header is counted, and is no fault',
  ),
  'content-decides': row(
    at('flow/twins', 'between servers of its own', '$name'),
    "'all four equal, other body, both in the maildrop: both arrive': {",
  ),
  'upload-of-a-day': at(
    'flow/budgets',
    'the bytes of a day',
    'that a destination takes are never exceeded, and the run goes on when they are free',
  ),
  'search-never-sent': row(
    at(
      'flow/append-modes',
      'with the sums agreeing and bytes equal ends',
      'a server that offers what is not needed, and it is not negotiated',
    ),
    '(?:COMPRESS|ENABLE|IDLE|SEARCH)',
  ),
  'ranges-are-fetched': at(
    'imap/mailboxes',
    'headers',
    'come for the range asked for, cut at the limit, from a mailbox opened for reading only',
  ),
  'flags-always-sent': row(
    at(
      'flow/scripted',
      'the made messages and one of 60 MB are sent with exactly the bytes of RETR',
      'flags and the date with its zone are sent along',
    ),
    "['()', undefined]",
  ),
  'appenduid-of-zero': row(at('imap/response', 'readAppendUid', 'takes %j for %i messages as none'), "['0 5', 1]"),
  'message-not-announced': at('imap/mailboxes', 'message', 'is found although it came after the mailbox was opened'),
  'messages-a-second': at('flow/budgets', 'rates', 'pace logins, messages and bytes'),
  'literals-are-plain': at('imap/append-channel', 'each way to hand messages over', '$name'),
  'continuation-not-needed': at(
    'imap/append-failures',
    'answers that bend the rules',
    'a + that nobody asked for is not taken for one that was',
  ),
  'message-empty': row(
    at(
      'flow/bad-server',
      'a message that is refused in this run and in every later one, while the others arrive',
      '%s',
    ),
    '[empty, { listed: 5, refused: 1 }, 4, {',
  ),
  'date-of-arrival': at(
    'flow/haul',
    'all real mail and the made messages, from Dovecot to Dovecot',
    'INTERNALDATE is that of the newest Received, else of Date',
  ),
  'namespace-prefix': at('imap/mailboxes', 'ensure', 'adds the prefix of the namespace and its delimiter'),
  'namespace-nil': at('imap/door', 'the login', 'a namespace that is NIL does not stop it'),
  'namespaces-of-dovecot': at('flow/namespaces', 'mail lands in the right mailbox', '$name'),
  'names-refused': at(
    'flow/namespaces',
    'names that a server refuses are told, and a mailbox that goes away in the middle is made again',
  ),
  'flags-lasting': at(
    'flow/dates-flags',
    'one haul of many shapes',
    'what a mailbox does not keep is not sent, and told once',
  ),
  'names-encoded': at(
    'imap/append-channel',
    'each way to hand messages over',
    'date, flags and an encoded name stand in the command',
  ),
  'special-use-by-attribute': at(
    'imap/mailboxes',
    'list',
    'gives names, attributes and what can hold mail; it never guesses a use from a name',
  ),
  'special-use-by-name': at(
    'imap/special-use',
    'the mailbox of a use',
    'may stand below INBOX, with the prefix of the namespace or without',
  ),
  'name-refused-by-rule': row(
    at('imap/refused-names', 'a name that is refused', 'for lack of levels is made flat'),
    "'NO [CANNOT] Invalid folder name'",
  ),
  'namespace-refused': at(
    'imap/refused-names',
    'a name that is refused',
    'and has the delimiter of the listing where NAMESPACE is refused, as by Exchange',
  ),
  'dates-of-dovecot': at('flow/dates-flags', 'one haul of many shapes', 'in %s: %s'),
  'dates-broken': at(
    'message/arrival-date',
    'arrivalDate',
    'may lie up to a day ahead, as clocks and zones do, and is now beyond that',
  ),
  'flags-never-sent': at('append/lasting-flags', 'never sent', 'is one flag twice'),
  'created-and-subscribed': at(
    'imap/mailboxes',
    'ensure',
    'creates and subscribes what is missing, and leaves alone what is there',
  ),
  'uidplus-absent': row(
    at('flow/scripted', 'Dovecot that hides what it can do gets the same mail', '%s'),
    "'no UIDPLUS'",
  ),

  'append-own-outcome': at(
    'imap/append-failures',
    'a connection that ends',
    'with some answered, some closed, some waiting: each knows its own end',
  ),
  'literals-by-capability': at('flow/append-modes', 'with the sums agreeing and bytes equal ends', '$name'),
  'starttls-required': at('imap/door', 'TLS', 'is never left out: no STARTTLS, a refused one, PREAUTH, injected text'),
  'answers-capped': at(
    'imap/response',
    'ResponseReader',
    'refuses a line that does not end, and one whose literals add up',
  ),
  'bodies-capped': at('imap/mailboxes', 'headers', 'a server that ignores the limit is held to it'),
  'memory-flat': at(
    'flow/memory',
    'twenty accounts at once, a message of 25 MB among the mail of each, stay under the budget',
  ),
} as const satisfies Record<string, Scenario>;

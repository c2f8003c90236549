/** The table of scenarios for docs/quirks.csv: what sources do. test/quirks.test.ts holds it. */
import { at, row, type Scenario } from './scenario.ts';

/** Scenarios at sources, by key. */
export const pop3Scenarios = {
  'uidl-missing': at(
    'flow/sources',
    'runs of sources that are odd for good',
    'unique ids that the source does not give: every run downloads, none appends twice',
  ),
  'uidl-refused-for-a-while': at(
    'flow/sources',
    'runs of sources that are odd for good',
    'unique ids that the source refuses for a while: nothing is fetched again, and what was deleted does not come back',
  ),
  'uidl-without-capa': at('pop3/client', 'listing', 'tries UIDL where the server says nothing of it'),
  'uidl-blank': at('pop3/listing', 'a listing', 'has an empty unique id where it is blank or missing'),
  'uidl-with-spaces': at(
    'pop3/listing',
    'a listing',
    'keeps spaces inside a unique id and none around it, and its bytes as they are',
  ),
  'uidl-shared': at(
    'flow/sources',
    'runs of sources that are odd for good',
    'unique ids that several messages share, or that are blank: those are compared by content',
  ),
  'uidl-duplicate': at('pop3/listing', 'a listing', 'keeps duplicate unique ids apart'),
  'uidl-all-new': at(
    'flow/sources',
    'runs of sources that are odd for good',
    'unique ids that are all new at the next run: mail is downloaded again and none of it carried again',
  ),
  'uidl-some-new': at(
    'flow/listing',
    'a listing that changes between two runs',
    '%s, at the same count: they are fetched and recognised, and the report says how',
  ),
  'listing-reordered': at(
    'flow/listing',
    'a listing that changes between two runs',
    'ids in another order, under other numbers: nothing is fetched again',
  ),
  'listing-numbers-wrong': at('pop3/listing', 'a listing', 'is a broken protocol when its numbers are wrong: %j %j'),
  'listing-message-between': at(
    'pop3/client',
    'listing',
    'that lists what UIDL did not have, %s',
    'asks UIDL again: a message that came in between has its unique id',
  ),
  'uidl-long': at(
    'flow/sources',
    'runs of sources that are odd for good',
    'unique ids that are longer than RFC 1939 allows are ids like others',
  ),
  'uidl-hostile': at(
    'flow/injection',
    'Message-IDs, subjects and unique ids that look like commands stay what they are',
  ),
  'listing-capped': at('pop3/listing', 'a listing', 'has limits'),
  'listing-endless': row(at('pop3/client', 'listing', 'fails clearly: %j'), 'LIST: endless'),

  'sizes-unreadable': at(
    'pop3/listing',
    'a listing',
    'takes sizes that are -1, 0, missing, followed by text or no number for unknown',
  ),
  'sizes-wrong': at(
    'flow/sources',
    'runs of sources that are odd for good',
    'sizes that are far from the truth change nothing',
  ),
  'message-without-last-line-end': row(
    at(
      'flow/bad-server',
      'a fault that lasts for a whole run',
      'a source that always %s one message: the others arrive, and the next run tries it again',
    ),
    "'lacks the CRLF at the end of': [",
  ),
  'message-without-last-line-end-pipelined': at(
    'pop3/message-end',
    'a message',
    'takes no next answer for text of a message whose dot lacks its CRLF (pieces: %s)',
  ),
  'message-cut': at('pop3/fetch', 'a session that goes wrong', 'is cut in mid-message, wherever: no end is told'),
  'message-cut-once': row(
    at('flow/bad-server', 'a fault that a run gets over by itself', '%s'),
    "'a source that closes in mid-message once, after 60 bytes': cut(60)",
  ),
  'message-cut-always': row(
    at(
      'flow/bad-server',
      'a fault that lasts for a whole run',
      'a source that always %s one message: the others arrive, and the next run tries it again',
    ),
    "'closes in the middle of': [",
  ),
  'terminator-split': at(
    'pop3/framing',
    'framing of every shape',
    'gives all shapes in one stream, cut at every two positions',
  ),
  'transcripts-split': at(
    'pop3/framing',
    'framing of every shape',
    'gives the bytes whole, byte by byte and cut at every position: %s',
  ),
  'byte-by-byte': at('flow/dribble', 'one byte at a time, in both directions and on both sides', 'to a server with %s'),
  'dots-not-stuffed': at(
    'pop3/framing',
    'framing of a server that stuffs no dots',
    'takes one dot from each line and ends at CRLF.CRLF only, cut at every position and byte by byte',
  ),
  'dot-alone-not-stuffed': at(
    'pop3/message-end',
    'a message',
    'tells no end of a last message whose text goes on behind it: %s',
  ),
  'dot-alone-not-stuffed-run': row(
    at(
      'flow/bad-server',
      'a fault that lasts for a whole run',
      'a source that always %s one message: the others arrive, and the next run tries it again',
    ),
    "'stuffs no dots of': [",
  ),
  'lines-with-dots': at('pop3/login', 'CAPA', 'has every line up to a lone dot, whatever a line begins with'),
  'listing-empty': at('pop3/client', 'listing', 'may be empty, in every cut of its answers'),
  'bare-lf': row(
    at('pop3/framing', 'framing of every shape', 'gives the bytes whole, byte by byte and cut at every position: %s'),
    "'bare LF dot CRLF'",
  ),
  'bare-lf-listing': row(at('pop3/client', 'listing', 'fails clearly: %j'), "'+OK\\n1 5\\n.\\n'"),
  'bare-cr': row(
    at('pop3/framing', 'framing of every shape', 'gives the bytes whole, byte by byte and cut at every position: %s'),
    "'CR CR LF'",
  ),
  'header-ends-in-cr-cr-lf': at('message/header', 'headerFields', 'ends at the first empty line: %j'),
  nul: row(
    at('pop3/framing', 'framing of every shape', 'gives the bytes whole, byte by byte and cut at every position: %s'),
    'NUL:',
  ),
  'nul-appended': at(
    'imap/append-channel',
    'each way to hand messages over',
    'a message with NUL goes as literal8 where BINARY is offered, and only there',
  ),
  'long-line': at(
    'pop3/framing',
    'framing of anything',
    'passes a line of 1 MB through in slices of the chunks, without copies',
  ),
  'long-status-line': at(
    'pop3/framing',
    'status lines',
    'are refused above the cap, whole or in pieces, and taken at it',
  ),
  '8-bit': row(
    at('pop3/framing', 'framing of every shape', 'gives the bytes whole, byte by byte and cut at every position: %s'),
    "'8-bit that is no UTF-8'",
  ),
  '8-bit-node-pop3': at('pop3/node-pop3-damage', 'node-pop3', 'decodes 8-bit bytes and loses them'),
  'headers-injected': at('message/identity', 'the fingerprint', 'does not change with %s'),
  'from-line': at(
    'message/header',
    'headerFields',
    'passes over the first line of an mbox and over lines that are no field',
  ),

  'uw-state-skipped': at(
    'append/rules/rule-set',
    'the presets',
    'skip the state of a UW-IMAP folder, and nothing that only looks like it',
  ),
  'top-forbidden': at(
    'flow/profiles',
    'a profile of the administrator',
    'forbids TOP: whole messages are read where headers would do',
  ),
  'top-nominates-only': at(
    'flow/sources',
    'a run of its own',
    'after a flush headers are held against the destination, and only what they leave in doubt is fetched',
  ),
  'top-missing': at('flow/verify', 'with scripted servers', 'a source without TOP is read whole'),
  'capa-refused': at('pop3/login', 'CAPA', 'may be refused'),
  'capa-hangs': at('pop3/login', 'CAPA', 'is left out on a second connection after %j'),
  'capa-remembered': at('pop3/login', 'CAPA', 'is told to be of no use by %j, and is left out at once then'),
  'host-remembered': at(
    'limits/credentials',
    'a host that mixes up its answers, or does not bear CAPA, is remembered, by port',
  ),
  'capa-around-login': at(
    'pop3/login',
    'logging in',
    'uses SASL PLAIN where it is listed and asks CAPA on both sides of the login',
  ),
  'capa-around-tls': at('pop3/login', 'STLS', 'comes before the login, and what was listed before it is forgotten'),
  'capa-refused-later': at('pop3/login', 'CAPA', 'is forgotten where it is refused behind the login'),
  'pipelining-swallowed': row(at('pop3/client', 'listing', 'fails clearly: %j'), 'oneCommandPerRead'),
  'pipelining-mixed-up': at(
    'pop3/message-end',
    'a message',
    'is none, and the session is dropped as %s, when the text goes on behind its end',
  ),
  'stls-refused': at('pop3/login', 'STLS', 'is required: nothing else is sent when it is not listed or refused'),
  'stls-broken': at('pop3/login', 'STLS', 'that is claimed and broken ends before a password is sent: %s behind +OK'),
  'plus-err': row(at('pop3/login', 'logging in', 'says what a refusal means: %j'), '+ERR wrong password'),
  'sasl-plus-ok': at(
    'pop3/login',
    'logging in',
    'answers a server that ignores the first response, and one that says +OK for +',
  ),
  'xoauth2-on-two-lines': at(
    'pop3/sasl',
    'access tokens',
    'go on a line of their own where they are long, and to Microsoft always',
  ),
  'hangs-up-at-password': at('pop3/login', 'reaching the server', 'says by %s that the server hangs up at %s (%s)'),
  'hangs-up-at-password-counted': at(
    'limits/credentials',
    'a login at which the server hangs up',
    'may have been lost by chance once, and is a refusal when it happens again',
  ),
  'pass-takes-long': at(
    'pop3/login',
    'reaching the server',
    'gives PASS the time of a login, not that of a connection or another command',
  ),

  'in-use': row(at('pop3/replies', 'what a refused login means', '%s'), "['-ERR [IN-USE] Do you have"),
  'busy-in-words': row(at('pop3/replies', 'what a refused login means', '%s'), "['-ERR maildrop already locked'"),
  'busy-is-waited-for': at(
    'flow/budgets',
    'the wishes of a server',
    'a server with too many connections is tried for longer than others, and the run completes',
  ),
  'login-delay': at('flow/budgets', 'the wishes of a server', '[LOGIN-DELAY n] is obeyed'),
  'login-delay-in-capa': at('check/findings', 'what the source is judged by', 'is LOGIN-DELAY'),
  'sys-temp': row(
    at('pop3/replies', 'what a refused login means', '%s'),
    "['-ERR [SYS/TEMP] Failed to create POP3 session lock', 'server-unavailable'",
  ),
  'sys-perm': row(
    at('pop3/replies', 'what a refused login means', '%s'),
    "['-ERR [SYS/PERM] Fatal error', 'server-unavailable'",
  ),
  'no-password-to-blame': at(
    'limits/credentials',
    'a refused login',
    'counts every refusal of the credential, and none of the mailbox behind it',
  ),
  'code-auth': row(
    at('pop3/replies', 'what a refused login means', '%s'),
    "['-ERR [AUTH] Your account is locked', 'credentials-refused'",
  ),
  'auth-resp-code': at(
    'pop3/login',
    'logging in',
    'does not blame the password where the server marks every refused credential',
  ),
  'password-tried-twice': at('limits/credentials', 'a refused login', 'is tried as often as allowed and then no more'),
  'refused-without-code': row(
    at('pop3/replies', 'what a refused login means', '%s'),
    "['-ERR Invalid login', 'credentials-refused'",
  ),
  'idle-noop': at(
    'pop3/fetch',
    'waiting for requests',
    'keeps the connection open with NOOP, never in mid-message, %s',
  ),
  'idle-farewell': at('pop3/client', 'an idle connection', 'repeats the farewell of a server that hangs up'),
  'listed-in-parts': at(
    'flow/sources',
    'runs of sources that are odd for good',
    'a source that lists in parts and hides what was fetched is drained by further sessions until one lists nothing new',
  ),
  'providers-as-they-are': at(
    'flow/profiles',
    'mail is hauled from each provider to itself, whatever is peculiar there',
  ),
  'hidden-after-quit': at(
    'flow/sources',
    'a run of its own',
    'of a source that lists in parts loses nothing when the program dies at %s',
  ),
  'hidden-and-spool-lost': at(
    'flow/listing',
    'a source that hides what was fetched, and a spool that is lost behind its QUIT',
    '%s: each message is counted as failed',
  ),
  'provider-refuses-passwords': at(
    'flow/profiles',
    'a refused login is told with what the provider is known to refuse it for',
  ),
  'lists-no-more-than': at(
    'check/findings',
    'what the source is judged by',
    'is a number of messages at which servers stop to list, unless they list the rest later',
  ),
  'bytes-of-a-day': at(
    'flow/budgets',
    'the bytes of a day',
    'that a source gives are never exceeded in any span, and the run goes on when they are free',
  ),
  'expire-0-run': at(
    'flow/sources',
    'a run of its own',
    'a source that says EXPIRE 0 and deletes what was fetched at QUIT: nothing is lost, and the report says so',
  ),
  'expire-0': row(
    at('check/findings', 'what the source is judged by', 'is EXPIRE %s'),
    "['0', [['source-expires', 10]]]",
  ),
  'expire-n': row(
    at('check/findings', 'what the source is judged by', 'is EXPIRE %s'),
    "['30', [['source-expires-later', 1]]]",
  ),
  expunged: row(
    at('flow/sources', 'runs of sources that are odd for good', 'a message that is %s has vanished'),
    "expunged: { pop: { replies: { 'RETR 3': '-ERR message expunged",
  ),
  'expunged-and-hung-up': at(
    'flow/sources',
    'a run of its own',
    'of a source that says that a message is expunged as it hangs up: it is gone from the next listing, and the run goes on with that',
  ),
  'message-refused': at(
    'flow/sources',
    'runs of sources that are odd for good',
    'a message that the source does not hand out, and still lists, is failed; the next run gets it',
  ),
  'message-refused-and-gone': row(
    at('flow/sources', 'runs of sources that are odd for good', 'a message that is %s has vanished'),
    'unlisted.afterQuit = () => void unlisted.messages?.splice(2, 1)',
  ),
  'nothing-is-deleted': row(
    at('pop3/fetch', 'fetching', 'gives every shape of message byte for byte, %s'),
    "server.seen('DELE')",
  ),
  'providers-are-told-of': at('check/explain', 'other explanations', 'and notes leave out no quirk that there is'),
  'too-slow': at('pop3/fetch', 'a session that goes wrong', 'takes one for silent that gives less than it must'),
  'silent-in-message': at(
    'pop3/fetch',
    'a session that goes wrong',
    'is given up when the server falls silent, in a message or before it',
  ),
  'silent-anywhere': row(
    at('flow/bad-server', 'a fault that lasts for a whole run', '%s: the account fails, and the next run carries it'),
    "'a source that hangs at UIDL': [",
  ),
} as const satisfies Record<string, Scenario>;

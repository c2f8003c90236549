/** How the scripted servers behave as a provider does: what its profile says of it, done by a server. */
import type { Profile } from '../../src/accounts/profile-schema.ts';
import type { AppendedMessage, ImapBehaviour } from './scripted-imap.ts';
import type { PopBehaviour, ScriptedMessage } from './scripted-pop3.ts';

/** Who may log in. */
export interface ProviderUser {
  readonly user: string;
  readonly password: string;
}

/** Messages that a source with `drainSessions` lists in a session (Gmail: about 250). */
export const perSession = 250;
/** What `rewritesMail` puts in front of a message. */
export const addedHeader = Buffer.from('X-Provider: was here\r\n');

// Seen at Gmail, whose delay is of 300 s (a log of fetchmail). It announces one, and lists in parts all the same.
const partCapabilities = ['USER', 'RESP-CODES', 'EXPIRE 0', 'LOGIN-DELAY 1', 'TOP', 'UIDL', 'SASL PLAIN'];

/** What XOAUTH2 says for this user, whose password is a token. */
function bearerOf({ user, password }: ProviderUser): string {
  return `user=${user}\x01auth=Bearer ${password}\x01\x01`;
}

/** A POP3 login by XOAUTH2 alone; with `twoLines` the token may not stand in the command. */
function tokenLogin(who: ProviderUser, twoLines: boolean): PopBehaviour {
  return {
    capabilities: ['TOP', 'UIDL', 'SASL XOAUTH2'],
    replies: { USER: '-ERR Logon failure: basic authentication is disabled.\r\n' },
    sasl: (mechanism, said) => {
      const token = said.at(-1);
      if (mechanism !== 'XOAUTH2') return '-ERR unknown mechanism\r\n';
      if (token === undefined) return '+ \r\n';
      if (twoLines && said.length === 1) return '-ERR Protocol error. 10\r\n';
      return token === bearerOf(who) ? '+OK User successfully logged on.\r\n' : '-ERR Authentication failure\r\n';
    },
  };
}

/** The provider's POP3 server with this mail. */
export function popBehaviour(
  { quirks }: Profile,
  { user, password }: ProviderUser,
  messages: ScriptedMessage[],
): PopBehaviour {
  const estimated = messages.map((message) => ({ ...message, octets: Math.ceil(message.bytes.length * 1.3) + 7 }));
  return {
    user,
    password,
    messages: quirks.sizesEstimated ? estimated : messages,
    ...(quirks.oauthOnly && tokenLogin({ user, password }, quirks.twoStepXoauth2 !== undefined)),
    ...(quirks.drainSessions && { capabilities: partCapabilities, hides: { atMost: perSession } }),
    ...(quirks.topForbidden && { dropAt: 'TOP' }),
  };
}

/** The provider's IMAP server. */
export function imapBehaviour({ quirks, limits }: Profile, { user, password }: ProviderUser): ImapBehaviour {
  const most = limits.messageBytes?.value;
  const logins = quirks.oauthOnly ? ['AUTH=XOAUTH2', 'SASL-IR', 'LOGINDISABLED'] : ['AUTH=PLAIN'];
  const base = ['IMAP4rev1', ...logins, 'NAMESPACE', 'SPECIAL-USE', 'UIDPLUS', 'ID', 'LITERAL+'];
  const refuse = ({ bytes, size }: AppendedMessage) => {
    if (quirks.finalCrlfNeeded && bytes.subarray(-2).toString('latin1') !== '\r\n') {
      return 'BAD [CLIENTBUG] Additional arguments found after last expected argument';
    }
    return most !== undefined && size > most ? 'NO [TOOBIG] too large' : undefined;
  };
  return {
    capabilities: [...base, ...(most === undefined ? [] : [`APPENDLIMIT=${most}`])],
    login: (name, secret) =>
      name === user && secret === password && !quirks.oauthOnly
        ? undefined
        : 'NO [AUTHENTICATIONFAILED] Invalid credentials',
    token: (response) => (response === bearerOf({ user, password }) ? undefined : '{"status":"400"}'),
    refuse,
    ...(quirks.rewritesMail && { rewrite: (bytes: Buffer) => Buffer.concat([addedHeader, bytes]) }),
  };
}

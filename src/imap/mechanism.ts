/** Which login is used at an IMAP server: the one that the endpoint names, or the best of those it lists. */
import { MailhaulError } from '../ground/errors.ts';
import type { Credentials } from './credentials.ts';

/** The logins that imapflow has. */
export type ImapMechanism = 'PLAIN' | 'LOGIN' | 'XOAUTH2' | 'OAUTHBEARER';

/** A login that was chosen, in the terms of imapflow. */
export interface ImapLogin {
  readonly mechanism: ImapMechanism;
  /** What the server offers, for errors. */
  readonly offered: string;
  /** The `auth` option of imapflow. */
  readonly auth: { user: string; pass?: string; accessToken?: string; loginMethod?: string; authzid?: string };
  /** A capability that would make imapflow choose otherwise. */
  readonly hidden?: string;
}

/** Capability names in upper case. */
type Listed = { has(name: string): boolean; keys(): Iterable<string> };

/**
 * Chooses before anything is sent.
 * @throws MailhaulError `login-mechanism` when the server does not offer what is wanted, or nothing that may be used
 */
export function chooseLogin(endpoint: Credentials, listed: Listed): ImapLogin {
  const { host, port, user, auth, accessToken, authzUser } = endpoint;
  const wanted = auth.toUpperCase();
  const possible = (wanted === 'AUTO' ? bestOf(endpoint) : [wanted as ImapMechanism]).filter(
    (each) => isOffered(each, listed) && (!authzUser || each !== 'LOGIN'),
  );
  const offered = offeredLogins(listed);
  const [mechanism] = possible;
  if (mechanism !== undefined) return { mechanism, offered, ...inTermsOfImapFlow(mechanism, endpoint, listed) };
  const name = wanted === 'AUTO' && accessToken !== undefined ? 'XOAUTH2 or OAUTHBEARER' : auth;
  throw new MailhaulError('login-mechanism', {
    host,
    port,
    user,
    wanted: authzUser ? `${name} for another user` : name,
    offered: `${offered}; Mailhaul has PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER at a destination`,
  });
}

function bestOf({ accessToken, user }: Credentials): readonly ImapMechanism[] {
  if (accessToken !== undefined) return ['XOAUTH2', 'OAUTHBEARER'];
  // Exchange takes DOMAIN\user and user\mailbox by LOGIN only.
  return /[\\/]/.test(user) ? ['LOGIN', 'PLAIN'] : ['PLAIN', 'LOGIN'];
}

function isOffered(mechanism: ImapMechanism, listed: Listed): boolean {
  switch (mechanism) {
    case 'LOGIN':
      // RFC 3501 §6.2.3: the command LOGIN, which needs no capability; or the SASL mechanism of that name.
      return !listed.has('LOGINDISABLED') || listed.has('AUTH=LOGIN');
    case 'PLAIN':
    case 'XOAUTH2':
    case 'OAUTHBEARER':
      return listed.has(`AUTH=${mechanism}`);
    default:
      return false;
  }
}

function inTermsOfImapFlow(mechanism: ImapMechanism, endpoint: Credentials, listed: Listed) {
  const { user, password, accessToken = password, authzUser } = endpoint;
  const asking = authzUser || user;
  switch (mechanism) {
    case 'PLAIN':
      return {
        auth: { user, pass: password, loginMethod: 'AUTH=PLAIN', ...(authzUser ? { authzid: authzUser } : {}) },
      };
    case 'LOGIN':
      return {
        auth: { user, pass: password, loginMethod: listed.has('LOGINDISABLED') ? 'AUTH=LOGIN' : 'LOGIN' },
      };
    // The user of a token is the one whose mailbox is opened.
    case 'XOAUTH2':
      return { auth: { user: asking, accessToken }, hidden: 'AUTH=OAUTHBEARER' };
    case 'OAUTHBEARER':
      // RFC 5802 §5.1: a comma or an equals sign in a name would end it; imapflow leaves that to us.
      return { auth: { user: asking.replaceAll('=', '=3D').replaceAll(',', '=2C'), accessToken } };
  }
}

function offeredLogins(listed: Listed): string {
  const sasl = [...listed.keys()].filter((name) => name.startsWith('AUTH='));
  return [...sasl, ...(listed.has('LOGINDISABLED') ? [] : ['LOGIN'])].join(', ') || 'nothing';
}

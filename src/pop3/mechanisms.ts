/** Which login is used: the one that the endpoint names, or the best of those that the server lists. */
import type { MailhaulError } from '../ground/errors.ts';
import { type Capabilities, offersSasl } from './capabilities.ts';
import { cramMd5 } from './challenge-login.ts';
import type { PopConnection } from './connection.ts';
import type { PopEndpoint } from './endpoint.ts';
import { oauthBearer, xoauth2 } from './sasl-bearer.ts';
import type { SaslDialogue } from './sasl-exchange.ts';
import { login, plain } from './sasl-password.ts';
import { Scram } from './sasl-scram.ts';

/** A way to log in: USER and PASS, APOP, or a SASL mechanism by its name. */
export type Mechanism = 'USER' | 'APOP' | SaslName;

type SaslName = keyof typeof dialogues;

const dialogues = {
  PLAIN: ({ endpoint }: PopConnection): SaslDialogue => plain(endpoint),
  LOGIN: ({ endpoint }: PopConnection): SaslDialogue => login(endpoint),
  'CRAM-MD5': ({ endpoint }: PopConnection): SaslDialogue => cramMd5(endpoint),
  'SCRAM-SHA-1': (connection: PopConnection): SaslDialogue => new Scram('SCRAM-SHA-1', connection),
  'SCRAM-SHA-256': (connection: PopConnection): SaslDialogue => new Scram('SCRAM-SHA-256', connection),
  XOAUTH2: ({ endpoint }: PopConnection): SaslDialogue => xoauth2(endpoint),
  OAUTHBEARER: ({ endpoint }: PopConnection): SaslDialogue => oauthBearer(endpoint),
};

// Under TLS the password is safe on its way, PLAIN works whatever form the server keeps it in, and it takes one round trip.
const underTls: readonly SaslName[] = ['PLAIN', 'LOGIN', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5'];
const inTheClear: readonly SaslName[] = ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5', 'PLAIN', 'LOGIN'];
const withToken: readonly SaslName[] = ['XOAUTH2', 'OAUTHBEARER'];
// Those that can say whose maildrop is meant, where it is not the user's own.
const forOthers: readonly Mechanism[] = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-1', ...withToken];

/** Every way to log in, by the name that `auth` may have. */
export const mechanismNames: readonly string[] = ['USER', 'APOP', ...Object.keys(dialogues)];

/** The dialogue of a SASL mechanism; undefined for USER and APOP. */
export function dialogueOf(mechanism: Mechanism, connection: PopConnection): SaslDialogue | undefined {
  return mechanism === 'USER' || mechanism === 'APOP' ? undefined : dialogues[mechanism](connection);
}

/**
 * The logins to try, the best first; the next one is for a server that lists a mechanism it does not have.
 * @throws MailhaulError `login-mechanism` when there is none
 */
export function mechanismsFor(connection: PopConnection, capabilities: Capabilities | undefined): readonly Mechanism[] {
  const { endpoint } = connection;
  const wanted = endpoint.auth.toUpperCase();
  const found = (wanted === 'AUTO' ? bestOf : namedBy)(endpoint, capabilities).filter(
    (each) => !endpoint.authzUser || forOthers.includes(each),
  );
  if (found.length === 0) throw noLogin(connection, capabilities);
  return found;
}

/** The error for a server without a login that may be used; it lists what there is, and why that is of no use. */
export function noLogin(
  connection: PopConnection,
  capabilities: Capabilities | undefined,
  because?: string,
): MailhaulError {
  const { auth, accessToken, authzUser } = connection.endpoint;
  const name = auth.toLowerCase() === 'auto' && accessToken !== undefined ? withToken.join(' or ') : auth;
  const wanted = `${name}${authzUser ? ' for another user' : ''}`;
  const offered = offeredLogins(capabilities);
  return connection.error('login-mechanism', { wanted, offered: because ? `${offered}; ${because}` : offered });
}

function bestOf({ accessToken, security }: PopEndpoint, capabilities: Capabilities | undefined): readonly Mechanism[] {
  // What does not say what it can has USER (RFC 1939), and providers with tokens all have XOAUTH2.
  if (capabilities === undefined) return [accessToken === undefined ? 'USER' : 'XOAUTH2'];
  const order = accessToken !== undefined ? withToken : security === 'none' ? inTheClear : underTls;
  const listed = order.filter((name) => offersSasl(capabilities, name));
  return accessToken === undefined ? [...listed, 'USER'] : listed;
}

function namedBy({ auth }: PopEndpoint, capabilities: Capabilities | undefined): readonly Mechanism[] {
  const wanted = auth.toUpperCase();
  // APOP is no capability: the greeting shows it.
  if (wanted === 'USER' || wanted === 'APOP') return [wanted];
  if (!Object.hasOwn(dialogues, wanted)) return [];
  return capabilities === undefined || offersSasl(capabilities, wanted) ? [wanted as SaslName] : [];
}

function offeredLogins(capabilities: Capabilities | undefined): string {
  if (capabilities === undefined) return 'unknown';
  const sasl = capabilities.get('SASL');
  const offered = [...(capabilities.has('USER') ? ['USER'] : []), ...(sasl ? [`SASL ${sasl}`] : [])];
  return offered.join(', ') || 'nothing';
}

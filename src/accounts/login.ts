/** What it takes to log in to one side of an account: its endpoint with the secrets read. */
import { readFile } from 'node:fs/promises';
import { hexDigest } from '../ground/digest.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import { type TraceOptions, traceOf } from '../ground/protocol-trace.ts';
import type { Settings } from '../ground/settings.ts';
import { readTransport } from '../transport/read-transport.ts';
import type { Transport } from '../transport/transport.ts';
import type { Account, Endpoint } from './account.ts';
import { TokenDesk } from './oauth/token-desk.ts';
import type { TokenSource } from './oauth/token-source.ts';
import { profilesOf } from './profiles.ts';
import { resolveSecret, type SecretRef } from './secret.ts';

/** A token from the account list is read again for a connection that is opened later than this. */
const tokenFreshMs = 60_000;

/** An endpoint that can be connected to. Holds a password: never log it. */
export interface Login {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  /** `auto`, or the name of a mechanism in lower case. */
  readonly auth: string;
  readonly user: string;
  readonly password: string;
  /** An OAuth 2.0 access token; where there is none, mechanisms of tokens take the password for one. */
  readonly accessToken?: string | undefined;
  /** Whose mailbox is opened, where that is not `user`'s own. */
  readonly authzUser: string | undefined;
  /** Where each later connection gets its own, since access tokens end; undefined where there is none. */
  readonly tokens: TokenSource | undefined;
  /** The provider takes a token only on a line of its own; undefined where no profile knows. */
  readonly tokenOnItsOwnLine: boolean | undefined;
  /** Authorities of the server, as PEM text; undefined for the system's. */
  readonly tlsCa: string | undefined;
  /** By what way the host is reached, and the pin of the account. */
  readonly transport: Transport;
  /** Where the talk with the server is written; undefined where nobody wants to read it. */
  readonly trace: TraceOptions | undefined;
}

/** What opening a login takes besides the account. */
export interface LoginContext {
  /** Variables that passwords may be in. */
  readonly env: NodeJS.ProcessEnv;
  readonly settings: Settings;
  /** Access tokens of accounts that log in with any. */
  readonly tokens?: TokenDesk;
  /** For the protocol trace, where the settings want it; its lines should say of which account and run they are. */
  readonly log?: Log | undefined;
}

/**
 * Reads password, authority and transport of one side, or has an access token for it. Throws `secret-missing`,
 * `list-unreadable`, `connection-file`, and what oauth/classify.ts has.
 */
export async function openLogin(
  account: Account,
  side: 'source' | 'destination',
  { env, settings, tokens: desk, log }: LoginContext,
): Promise<Login> {
  const endpoint: Endpoint = account[side];
  const { host, port, security, user, authzUser, tlsCaFile, tlsPin } = endpoint;
  // Where a token takes its place it is empty, and yet opened: its seal tells whether the server is still the same.
  const password = await resolveSecret(endpoint.password, `${account.id} (${side})`, env);
  const tlsCa = tlsCaFile === undefined ? undefined : await readAuthority(tlsCaFile);
  const transport = await readTransport(settings, host, env, tlsPin);
  const tokens = desk?.sourceFor(account, side) ?? givenTokens(account, side, password, env);
  const accessToken = await tokens?.get();
  const auth = TokenDesk.nameIn(endpoint.auth) === undefined ? endpoint.auth.toLowerCase() : 'auto';
  const tokenOnItsOwnLine = profilesOf(settings).of(endpoint)?.quirks.twoStepXoauth2 && true;
  const credentials = { user, password, authzUser, accessToken, tokens, tokenOnItsOwnLine };
  const trace = traceOf(log, { account: account.id, side, host }, settings);
  return { host, port, security, auth, ...credentials, tlsCa, transport, trace };
}

/** With the name of a mechanism that takes tokens, the password column says where the token is: `command:`, say. */
function givenTokens(
  account: Account,
  side: 'source' | 'destination',
  password: string,
  env: NodeJS.ProcessEnv,
): TokenSource | undefined {
  const endpoint: Endpoint = account[side];
  if (TokenDesk.nameIn(endpoint.auth) !== undefined) {
    throw new MailhaulError('unexpected', { reason: `no tokens are at hand for ${endpoint.auth}` });
  }
  if (!/^(?:xoauth2|oauthbearer)$/i.test(endpoint.auth)) return undefined;
  const ref: SecretRef = endpoint.password;
  // What a program prints is another token each time, and no new secret.
  const identity = hexDigest(16, 'given token', account.key, side, ref.isCommand ? '' : password);
  let [token, readAt] = [password, Date.now()];
  const renew = async () => {
    token = await resolveSecret(ref, `${account.id} (${side})`, env);
    readAt = Date.now();
    return token;
  };
  return { identity, get: async () => (Date.now() - readAt < tokenFreshMs ? token : renew()), renew };
}

async function readAuthority(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new MailhaulError('list-unreadable', { path, reason: error.message }, error);
  });
}

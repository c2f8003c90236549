/** What it takes to log in to one side of an account: its endpoint with the secrets read. */
import { readFile } from 'node:fs/promises';
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { readTransport } from '../transport/read-transport.ts';
import type { Transport } from '../transport/transport.ts';
import type { Account, Endpoint } from './account.ts';
import { resolveSecret } from './secret.ts';

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
  /** Authorities of the server, as PEM text; undefined for the system's. */
  readonly tlsCa: string | undefined;
  /** By what way the host is reached, and the pin of the account. */
  readonly transport: Transport;
}

/** What opening a login takes besides the account. */
export interface LoginContext {
  /** Variables that passwords may be in. */
  readonly env: NodeJS.ProcessEnv;
  readonly settings: Settings;
}

/** Reads password, authority and transport of one side. Throws `secret-missing`, `list-unreadable` or `connection-file`. */
export async function openLogin(
  account: Account,
  side: 'source' | 'destination',
  { env, settings }: LoginContext,
): Promise<Login> {
  const endpoint: Endpoint = account[side];
  const { host, port, security, user, authzUser, tlsCaFile, tlsPin } = endpoint;
  const password = await resolveSecret(endpoint.password, `${account.id} (${side})`, env);
  const tlsCa = tlsCaFile === undefined ? undefined : await readAuthority(tlsCaFile);
  const transport = await readTransport(settings, host, env, tlsPin);
  return { host, port, security, auth: endpoint.auth.toLowerCase(), user, password, authzUser, tlsCa, transport };
}

async function readAuthority(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new MailhaulError('list-unreadable', { path, reason: error.message }, error);
  });
}

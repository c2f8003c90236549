/** Two Dovecots that offer every login they have, over each transport, and the server that knows their tokens. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { makeCertificates } from '../servers/certificates.ts';
import type { HaulRig } from './haul-rig.ts';

/** How a connection is protected. */
export const transports = ['tls', 'starttls', 'none'] as const;
export type Transport = (typeof transports)[number];

/** A line of Dovecot's log about a login that worked. */
export interface LoggedIn {
  user: string;
  /** Who proved himself: the user, or a master. */
  authenticated: string;
  method: string;
  secured: boolean;
}

/** The servers of the matrix. */
export interface LoginServers {
  source: Dovecot;
  destination: Dovecot;
  /** PEM file of their authority. */
  authority: string;
  /** The port of a side for a transport. */
  port(side: 'pop' | 'imap', transport: Transport): number;
  /** Every login so far. */
  logins(server: Dovecot): Promise<LoggedIn[]>;
}

export const masterPassword = 'master "pw" \\ of all';

/** A token that the server of the tokens takes for this user's. */
export function tokenOf(user: string): string {
  return `token-of-${Buffer.from(user).toString('base64url')}`;
}

/** Starts them. `users` have these passwords on both sides. */
export async function startLoginServers(rig: HaulRig, users: Readonly<Record<string, string>>): Promise<LoginServers> {
  const { ca, cert, key } = makeCertificates();
  const authority = await rig.file('authority.pem', ca);
  const tls = { certFile: await rig.file('server.pem', cert), keyFile: await rig.file('server.key', key) };
  const tokens = await startTokenInfo(rig, users);
  const oauth = `tokeninfo_url = ${tokens}\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n`;
  const master = `master:{PLAIN.b64}${Buffer.from(masterPassword).toString('base64')}\n`;
  const extra = (mechanisms: string) =>
    [
      `auth_mechanisms = plain login ${mechanisms} xoauth2 oauthbearer`,
      // Any character may be in a user name.
      'auth_username_chars =',
      'auth_master_user_separator = *',
      'login_log_format_elements = user=<%u> auth=<%{auth_user}> method=%m %c',
    ].join('\n');
  const files = {
    oauth: await rig.file('oauth2.conf', oauth),
    master: await rig.file('master', master),
  };
  const passdbs = [
    `passdb {\n  driver = passwd-file\n  args = ${files.master}\n  master = yes\n}`,
    `passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = ${files.oauth}\n}`,
  ].join('\n');
  const options = { tls, users, specialUse: [] };
  const source = await rig.dovecot({
    ...options,
    protocols: ['pop3'],
    extra: `${extra('cram-md5 scram-sha-1 scram-sha-256 apop')}\n${passdbs}`,
  });
  const destination = await rig.dovecot({ ...options, protocols: ['imap'], extra: `${extra('')}\n${passdbs}` });
  return {
    source,
    destination,
    authority,
    port: (side, transport) => {
      if (side === 'pop') return transport === 'tls' ? source.popsPort : source.popPort;
      return transport === 'tls' ? destination.imapsPort : destination.imapPort;
    },
    logins,
  };
}

async function logins({ directory }: Dovecot): Promise<LoggedIn[]> {
  const log = await readFile(join(directory, 'dovecot.log'), 'utf8');
  const lines = log.matchAll(
    /-login: (?:Info: )?Login: user=<(.*?)>, auth=<(.*?)>, method=(\S+?)(?:, (TLS|secured))?$/gm,
  );
  return [...lines].map(([, user = '', authenticated = '', method = '', secured]) => ({
    user,
    authenticated,
    method,
    secured: secured === 'TLS',
  }));
}

/** Says whose a token is, as the endpoints of OAuth 2.0 servers do. */
async function startTokenInfo(rig: HaulRig, users: Readonly<Record<string, string>>): Promise<string> {
  const owners = new Map(Object.keys(users).map((user) => [tokenOf(user), user]));
  const server = createServer((request, response) => {
    const token = new URL(request.url ?? '', 'http://tokens').searchParams.get('token') ?? '';
    const username = owners.get(token);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(username === undefined ? { active: false } : { active: true, username }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.atEnd(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/tokeninfo?token=`;
}

/** The transport of a host, from the setting `connections`. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { type ConnectionFields, joinedFields, readProxy } from '../ground/settings-connections.ts';
import type { ProxyAccess, Transport } from './transport.ts';

/** What the settings say of a host, by its name in whatever case; an IPv6 address may stand in brackets. */
export function connectionOf({ connections }: Pick<Settings, 'connections'>, host: string): ConnectionFields {
  const named = Object.entries(connections.hosts).find(([name]) => plainHost(name) === plainHost(host));
  return joinedFields(connections.default, named?.[1]);
}

/**
 * The transport of a host, with its files and variables read; relative paths begin at the working directory.
 * @throws MailhaulError `connection-file` for a file or variable that cannot be used
 */
export async function readTransport(
  settings: Pick<Settings, 'connections'>,
  host: string,
  env: NodeJS.ProcessEnv,
  tlsPin?: string,
): Promise<Transport> {
  const fields = connectionOf(settings, host);
  const { minTlsVersion = 'TLSv1.2', serverName, localAddress } = fields;
  return {
    minTlsVersion,
    serverName: serverName ?? undefined,
    localAddress: localAddress ?? undefined,
    proxy: await proxyOf(fields, host, env),
    clientCertificate: await certificateOf(fields, host),
    tlsPin,
  };
}

function plainHost(name: string): string {
  return name.toLowerCase().replace(/^\[(.*)\]$/, '$1');
}

async function proxyOf(
  fields: ConnectionFields,
  host: string,
  env: NodeJS.ProcessEnv,
): Promise<ProxyAccess | undefined> {
  if (!fields.proxy) return undefined;
  const place = readProxy(fields.proxy);
  if (!fields.proxyUser) return place;
  const password = fields.proxyPassword ? await readSecret(fields.proxyPassword, host, env) : '';
  return { ...place, user: fields.proxyUser, password };
}

/** The text itself, or what `env:NAME` or `file:PATH` names; the line break that ends a file is not part of it. */
async function readSecret(text: string, host: string, env: NodeJS.ProcessEnv): Promise<string> {
  const [, kind, at = ''] = /^(env|file):(.*)$/s.exec(text) ?? [];
  if (kind === undefined) return text;
  const secret = kind === 'env' ? (env[at] ?? '') : (await readNamed('proxyPassword', at, host)).replace(/\r?\n$/, '');
  if (secret === '')
    unusable('proxyPassword', host, kind === 'env' ? `the variable ${at}` : `the file ${at}`, 'it is empty');
  return secret;
}

async function certificateOf(fields: ConnectionFields, host: string): Promise<Transport['clientCertificate']> {
  const { tlsCertFile, tlsKeyFile } = fields;
  if (!tlsCertFile || !tlsKeyFile) return undefined;
  const cert = await readNamed('tlsCertFile', tlsCertFile, host);
  const key = await readNamed('tlsKeyFile', tlsKeyFile, host);
  try {
    // The oldest certificates are let through here: whether they are good enough is for the server to say.
    createSecureContext({ cert, key, ciphers: 'DEFAULT@SECLEVEL=0' });
  } catch (error) {
    unusable('tlsCertFile', host, `${tlsCertFile} with the key ${tlsKeyFile}`, (error as Error).message);
  }
  return { cert, key };
}

async function readNamed(setting: string, path: string, host: string): Promise<string> {
  try {
    return await readFile(resolve(path), 'utf8');
  } catch (error) {
    return unusable(setting, host, `the file ${path}`, (error as NodeJS.ErrnoException).code ?? 'unknown reason');
  }
}

function unusable(setting: string, host: string, what: string, reason: string): never {
  throw new MailhaulError('connection-file', { setting, host, what, reason });
}

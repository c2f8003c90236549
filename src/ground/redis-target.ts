/** Where Redis is and how one logs in there: what the settings say, as options for the connection. Knows no client. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { MailhaulError } from './errors.ts';
import type { Settings } from './settings.ts';

/** The settings beside the URL: login, certificates, sentinels. */
export type RedisAccess = Pick<
  Settings,
  | 'redisUser'
  | 'redisPassword'
  | 'redisTls'
  | 'redisTlsCaFile'
  | 'redisTlsCertFile'
  | 'redisTlsKeyFile'
  | 'redisSentinels'
  | 'redisSentinelName'
  | 'redisSentinelUser'
  | 'redisSentinelPassword'
  | 'redisSentinelTls'
>;

/** TLS as Node's `tls.connect` takes it; PEM. */
export interface RedisTls {
  servername?: string;
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
}

/** A host and its port. */
export interface RedisPlace {
  readonly host: string;
  readonly port: number;
}

/** Options of a connection, named as the client names them. */
export interface TargetOptions {
  host?: string;
  port?: number;
  path?: string;
  db?: number;
  username?: string;
  password?: string;
  tls?: RedisTls;
  sentinels?: RedisPlace[];
  name?: string;
  sentinelUsername?: string;
  sentinelPassword?: string;
  sentinelTLS?: RedisTls;
  enableTLSForSentinelMode?: boolean;
  sentinelCommandTimeout?: number;
  connectTimeout?: number;
}

/** What to connect to, and what to call it before people: never with a user name or password. */
export interface RedisTarget {
  options: TargetOptions;
  where: string;
}

/** A sentinel, or a master, on a host that is gone without a word is given up for the next after this time. */
const sentinelWaitMs = 2000;

/**
 * The target that URL and settings name; `url` is null where sentinels are asked. Throws `settings-invalid` for what
 * cannot be meant. The URL is never quoted: it may hold a password.
 */
export function redisTarget(url: string | null, access: Partial<RedisAccess>, env: NodeJS.ProcessEnv): RedisTarget {
  const sentinels = access.redisSentinels ?? [];
  if (sentinels.length > 0) return sentinelTarget(url, sentinels, access, env);
  if (access.redisSentinelName || access.redisSentinelUser || access.redisSentinelPassword || access.redisSentinelTls) {
    invalid('redisSentinelName and the like are for redisSentinels, which is empty');
  }
  const target = urlTarget(url);
  const login = loginOf(access, 'redis', env);
  const { username = login.username, password = login.password } = target.options;
  if (target.options.password !== undefined && login.password !== undefined) {
    invalid('the password stands in the URL of redis and in redisPassword: leave one out');
  }
  if (username !== undefined) target.options.username = username;
  if (password !== undefined) target.options.password = password;
  if (access.redisTls && !target.options.tls) invalid('redisTls is for sentinels: write rediss:// in the URL of redis');
  const files = tlsFiles(access);
  if (target.options.tls) Object.assign(target.options.tls, files);
  else if (Object.keys(files).length > 0) invalid('redisTlsCaFile and the like are for TLS: write rediss://');
  return target;
}

/** True where a URL holds a password: on a command line every user of the machine can read it. */
export function holdsPassword(url: string): boolean {
  return /^\w+:\/\/[^/?#@]*:[^/?#@]+@/.test(url);
}

/** Where Mailhaul starts a Redis of its own, nothing is to be said about one. Throws `settings-invalid`. */
export function refuseIdleAccess(access: RedisAccess): void {
  const names: (keyof RedisAccess)[] = ['redisUser', 'redisPassword', 'redisTls', 'redisTlsCaFile'];
  const more: (keyof RedisAccess)[] = ['redisTlsCertFile', 'redisTlsKeyFile', 'redisSentinelName'];
  const idle = [...names, ...more, 'redisSentinelUser' as const, 'redisSentinelPassword' as const].filter(
    (name) => access[name],
  );
  if (idle.length > 0) invalid(`${idle.join(', ')}: no Redis is named by redis or redisSentinels`);
}

function invalid(reason: string): never {
  throw new MailhaulError('settings-invalid', { reason });
}

function sentinelTarget(
  url: string | null,
  places: readonly string[],
  access: Partial<RedisAccess>,
  env: NodeJS.ProcessEnv,
): RedisTarget {
  const name = access.redisSentinelName;
  if (url !== null) invalid('redis and redisSentinels both say where Redis is: leave one out');
  if (!name) invalid('redisSentinels needs redisSentinelName, the name that the sentinels give to their set');
  const files = tlsFiles(access);
  const secured = access.redisTls || access.redisSentinelTls;
  if (!secured && Object.keys(files).length > 0)
    invalid('redisTlsCaFile and the like need redisTls or redisSentinelTls');
  const asked = loginOf(access, 'redisSentinel', env);
  const options: TargetOptions = {
    ...loginOf(access, 'redis', env),
    sentinels: places.map(placeOf),
    name,
    sentinelCommandTimeout: sentinelWaitMs,
    connectTimeout: sentinelWaitMs,
  };
  if (asked.username !== undefined) options.sentinelUsername = asked.username;
  if (asked.password !== undefined) options.sentinelPassword = asked.password;
  if (access.redisSentinelTls) options.sentinelTLS = { ...files };
  if (access.redisTls) Object.assign(options, { tls: { ...files }, enableTLSForSentinelMode: true });
  return { options, where: `${name} by the sentinels ${places.join(', ')}` };
}

function placeOf(text: string): RedisPlace {
  const [, bracketed, plain, port = '26379'] = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) invalid('redisSentinels must be HOST:PORT each');
  return { host, port: Number(port) };
}

function urlTarget(url: string | null): RedisTarget {
  try {
    if (url === null) throw new Error('none');
    return url.startsWith('unix:') ? unixTarget(url) : hostTarget(new URL(url));
  } catch {
    return invalid(
      'redis must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], the same with rediss://, or unix:///PATH',
    );
  }
}

function unixTarget(url: string): RedisTarget {
  const [, user, password, encoded] = /^unix:\/\/(?:([^:@/?#]*):([^@/?#]*)@)?(\/[^?#]+)$/.exec(url) ?? [];
  if (encoded === undefined) throw new Error('not a path');
  const path = decodeURIComponent(encoded);
  return { options: { ...decoded(user, password), path }, where: `unix://${path}` };
}

function hostTarget(url: URL): RedisTarget {
  const { protocol, hostname, pathname, search, hash } = url;
  const fine = /^rediss?:$/.test(protocol) && hostname !== '' && /^(\/[0-9]{0,5})?$/.test(pathname);
  if (!fine || search !== '' || hash !== '') throw new Error('not a host');
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port || 6379);
  const db = Number(pathname.slice(1));
  const options: TargetOptions = { ...decoded(url.username, url.password), host, port, db };
  if (protocol === 'rediss:') options.tls = isIP(host) ? {} : { servername: host };
  return { options, where: `${protocol}//${hostname}:${port}${db === 0 ? '' : `/${db}`}` };
}

interface Login {
  username?: string;
  password?: string;
}

function decoded(user: string | undefined, password: string | undefined): Login {
  const login: Login = {};
  if (user) login.username = decodeURIComponent(user);
  if (password) login.password = decodeURIComponent(password);
  return login;
}

function loginOf(access: Partial<RedisAccess>, side: 'redis' | 'redisSentinel', env: NodeJS.ProcessEnv): Login {
  const user = access[`${side}User`];
  const secret = access[`${side}Password`];
  const login: Login = {};
  if (user) login.username = user;
  if (secret) login.password = readSecret(`${side}Password`, secret, env);
  if (login.username !== undefined && !secret) invalid(`${side}User needs ${side}Password`);
  return login;
}

/** The text itself, or what `env:NAME` or `file:PATH` names; the line break that ends a file is not part of it. */
function readSecret(setting: string, text: string, env: NodeJS.ProcessEnv): string {
  const [, kind, at = ''] = /^(env|file):(.*)$/s.exec(text) ?? [];
  if (kind === undefined) return text;
  const secret =
    kind === 'env'
      ? (env[at] ?? '')
      : readNamed(setting, at)
          .toString('utf8')
          .replace(/\r?\n$/, '');
  if (secret === '') invalid(`${setting}: ${kind === 'env' ? `the variable ${at}` : `the file ${at}`} is empty`);
  return secret;
}

function tlsFiles(access: Partial<RedisAccess>): RedisTls {
  const { redisTlsCaFile: ca, redisTlsCertFile: cert, redisTlsKeyFile: key } = access;
  if (Boolean(cert) !== Boolean(key)) invalid('redisTlsCertFile and redisTlsKeyFile belong together: name both');
  const files: RedisTls = {};
  if (ca) files.ca = readNamed('redisTlsCaFile', ca);
  if (cert) files.cert = readNamed('redisTlsCertFile', cert);
  if (key) files.key = readNamed('redisTlsKeyFile', key);
  return files;
}

function readNamed(setting: string, path: string): Buffer {
  try {
    return readFileSync(resolve(path));
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    return invalid(`${setting}: the file ${path} cannot be read: ${why}`);
  }
}

/** The setting `connections`: how hosts are reached, besides name and port, and the schema that finds what is wrong. */
import { isIP } from 'node:net';
import * as z from 'zod';

/** A proxy as its URL names it; user and password are empty where the URL has none. */
export interface ProxyPlace {
  readonly kind: 'socks5' | 'socks4' | 'socks4a' | 'http';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const usualPorts = { socks5: 1080, socks4: 1080, socks4a: 1080, http: 80 } as const;

/** Reads `socks5://[USER:PASSWORD@]HOST[:PORT]`, the same with socks4, socks4a or http. Throws an Error that quotes nothing. */
export function readProxy(text: string): ProxyPlace {
  const fault = new Error('expected socks5://, socks4://, socks4a:// or http:// with HOST:PORT and nothing behind it');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw fault;
  }
  const kind = url.protocol.slice(0, -1) as ProxyPlace['kind'];
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (!Object.hasOwn(usualPorts, kind) || !isHost(host)) throw fault;
  if (!/^\/?$/.test(url.pathname) || url.search !== '' || url.hash !== '') throw fault;
  return { kind, host, port: Number(url.port) || usualPorts[kind], ...userInfo(url, fault) };
}

function userInfo({ username, password }: URL, fault: Error): { user: string; password: string } {
  try {
    return { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw fault;
  }
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || (text.length <= 253 && /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/i.test(text));
}

function isProxy(text: string): boolean {
  try {
    return readProxy(text) !== undefined;
  } catch {
    return false;
  }
}

const text = z.string().min(1).max(4096);
const fields = z
  .strictObject({
    minTlsVersion: z.enum(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']),
    serverName: z.string().refine(isHost, 'expected a host name, as it stands in the certificate').nullable(),
    proxy: z
      .string()
      .refine(isProxy, 'expected socks5://, socks4://, socks4a:// or http:// with HOST:PORT and nothing behind it')
      .nullable(),
    proxyUser: text.nullable(),
    proxyPassword: text.nullable(),
    localAddress: z
      .string()
      .refine((address) => isIP(address) !== 0, 'expected an IP address of this machine')
      .nullable(),
    tlsCertFile: text.nullable(),
    tlsKeyFile: text.nullable(),
  })
  .partial();

/** What the setting says of a host, as it was written and checked. */
export type ConnectionFields = Readonly<z.infer<typeof fields>>;

/** What belongs together: a host that has one of them takes none of the others from the default. */
const together: readonly (readonly (keyof ConnectionFields)[])[] = [
  ['proxy', 'proxyUser', 'proxyPassword'],
  ['tlsCertFile', 'tlsKeyFile'],
];

/**
 * The fields of a host: its own, and the default's for the rest. A proxy that a host names gets the user and password
 * that stand beside it and never those of another proxy; so it is with a certificate and its key.
 */
export function joinedFields(common: ConnectionFields, own: ConnectionFields = {}): ConnectionFields {
  const left = { ...common };
  for (const names of together) {
    if (names.some((name) => own[name] !== undefined)) for (const name of names) delete left[name];
  }
  return { ...left, ...own };
}

function faultOf({ proxy, proxyUser, proxyPassword, tlsCertFile, tlsKeyFile }: ConnectionFields) {
  if (Boolean(tlsCertFile) !== Boolean(tlsKeyFile)) {
    return { at: 'tlsCertFile', message: 'tlsCertFile and tlsKeyFile belong together: name both' };
  }
  const fault = (message: string) => ({ at: 'proxy', message });
  if (!proxy)
    return proxyUser || proxyPassword ? fault('proxyUser and proxyPassword need a proxy beside them') : undefined;
  if (!isProxy(proxy)) return undefined;
  const place = readProxy(proxy);
  if ((place.user || place.password) && (proxyUser || proxyPassword)) {
    return fault('user and password stand in the URL and in proxyUser or proxyPassword: leave one out');
  }
  if (proxyPassword && !proxyUser) return fault('proxyPassword needs proxyUser');
  return undefined;
}

/** The schema of the setting: fields for every host in `default`, those that differ in `hosts`, by name. */
export const connectionsSchema = z
  .strictObject({ default: fields.default({}), hosts: z.record(z.string(), fields).default({}) })
  .superRefine((connections, context) => {
    const places: [string[], ConnectionFields][] = [[['default'], connections.default]];
    for (const [name, own] of Object.entries(connections.hosts)) {
      places.push([['hosts', name], joinedFields(connections.default, own)]);
    }
    for (const [path, joined] of places) {
      const fault = faultOf(joined);
      if (fault) context.addIssue({ code: 'custom', path: [...path, fault.at], message: fault.message });
    }
  });

/** The setting as it was written and checked. */
export type Connections = Readonly<z.infer<typeof connectionsSchema>>;

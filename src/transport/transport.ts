/** How a host is reached, besides its name and port: through what, from where, and what TLS must be. */
import { isIP } from 'node:net';

/** A proxy with what it takes to use it. */
export interface ProxyAccess {
  readonly kind: 'socks5' | 'socks4' | 'socks4a' | 'http';
  readonly host: string;
  readonly port: number;
  /** Empty for none. */
  readonly user: string;
  /** Empty for none. Never log it. */
  readonly password: string;
}

/** What a connection to one host is made with. Holds secrets: never log it. */
export interface Transport {
  readonly minTlsVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** The name that is asked for (SNI) and that the certificate must have, where it is not that of the host. */
  readonly serverName?: string | undefined;
  readonly proxy?: ProxyAccess | undefined;
  /** Address of this machine that connections come from. */
  readonly localAddress?: string | undefined;
  /** PEM texts of what is shown to a server that asks who its client is. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string } | undefined;
  /** SHA-256 of the server's certificate, 64 hexadecimal digits in lower case: it alone is accepted, whoever signed it. */
  readonly tlsPin?: string | undefined;
}

/** Straight, from any address, TLS 1.2 or later. */
export const directTransport: Transport = { minTlsVersion: 'TLSv1.2' };

/** The server that a connection leads to, as errors name it. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/**
 * Whether the host's name is looked up on this machine: without a proxy, and with SOCKS 4, which carries addresses only.
 * Else the proxy does it, and nobody here knows the addresses.
 */
export function resolvesHere({ proxy }: Transport): boolean {
  return proxy === undefined || proxy.kind === 'socks4';
}

/** How long a step may take, and what ends it. */
export interface Opening {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** IP addresses of the target, where somebody looked them up and judged them: no others are connected to. */
  readonly addresses?: readonly string[] | undefined;
}

/** A proxy as errors name it: without user and password. */
export function proxyName({ kind, host, port }: ProxyAccess): string {
  return `${kind}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

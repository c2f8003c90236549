/** From where a request may come: the names that this service goes by, and the pages that are its own. */
import type { FastifyRequest } from 'fastify';
import { MailhaulError } from '../ground/errors.ts';

/** Where the service is. */
export interface Place {
  /** True when only this machine can connect: then requests must name it so, whatever DNS says of other names. */
  readonly loopback: boolean;
  /** Where a proxy gives it to others. */
  readonly publicUrl: URL | undefined;
}

/** DNS rebinding: a web page whose name was made to lead here still says its own name. Throws `request-refused`. */
export function checkHost({ headers: { host = '' } }: FastifyRequest, { loopback, publicUrl }: Place): void {
  if (!loopback || isLoopbackName(host) || nameOf(host) === publicUrl?.hostname) return;
  throw new MailhaulError('request-refused', { reason: `it asks for ${host || 'no host'}, not for this machine` });
}

/** Lets pass what a page of this service sends, and what no page sends. Throws `forged-request`. */
export function checkSender({ headers }: FastifyRequest, { publicUrl }: Place): void {
  const { origin, host = '' } = headers;
  const site = headers['sec-fetch-site'];
  // Another port of this machine is the same site, and cookies go there too: only the same origin is ours.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw forged(`Sec-Fetch-Site is ${site}`);
  if (origin === undefined || origin === publicUrl?.origin) return;
  // Behind the proxy the host is that of the public URL, and then its scheme counts as well.
  const own = nameOf(host) !== publicUrl?.hostname && /^https?:$/.test(urlOf(origin)?.protocol ?? '');
  if (!own || urlOf(origin)?.host !== host.toLowerCase().replace(/:80$/, '')) throw forged(`Origin is ${origin}`);
}

/** The same for what only shows something: somebody may follow a link to it, and nothing else of another page may ask. */
export function checkReader({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  if (headers['sec-fetch-mode'] !== 'navigate') throw forged(`Sec-Fetch-Site is ${site}`);
}

/** True for an address or name that means this machine, with or without a port. */
export function isLoopbackName(host: string): boolean {
  const name = nameOf(host);
  return name === 'localhost' || name === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(name);
}

/** True for the address of a peer that runs on this machine. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127(\.[0-9]{1,3}){3}$/.test(address);
}

function nameOf(host: string): string {
  return host.replace(/:[0-9]*$/, '').toLowerCase();
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function forged(reason: string): MailhaulError {
  return new MailhaulError('forged-request', { reason });
}

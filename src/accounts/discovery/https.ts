/** Pages of the web over https: bounded in time, size and hops. */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { MailhaulError } from '../../ground/errors.ts';
import { isPublicAddress } from './public-address.ts';
import type { Dns, Http } from './seams.ts';

/** How pages are fetched. */
export interface HttpsOptions {
  readonly dns: Pick<Dns, 'addresses'>;
  /** For a page with all its redirects. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly redirects: number;
  /** Authorities that are trusted instead of those of Node.js, as PEM text. */
  readonly ca?: string;
}

/** A page, or where it is. */
type Hop = { readonly body: Buffer | undefined } | { readonly location: string };

/**
 * Fetches pages. The host of the first question is the administrator's own word and may be anywhere; a redirect is
 * a stranger's: it must stay on https, and it does not lead from the internet into the local network.
 */
export function httpsGetter(options: HttpsOptions): Http {
  return {
    get: async (url) => {
      const signal = AbortSignal.timeout(options.timeoutMs);
      const source = url.replace(/\?.*$/, '');
      try {
        return await follow(new URL(url), options, signal);
      } catch (error) {
        if (error instanceof MailhaulError) throw error;
        const late = signal.aborted ? `no answer within ${options.timeoutMs / 1000} s` : undefined;
        const { code, message } = error as NodeJS.ErrnoException;
        // What a server sends is not quoted; Node's own words hold at most its certificate's names.
        throw new MailhaulError('discovery-source', { source, reason: late ?? (message || code || 'failed') }, error);
      }
    },
  };
}

async function follow(first: URL, options: HttpsOptions, signal: AbortSignal): Promise<Buffer | undefined> {
  let fromInternet = false;
  let url = first;
  for (let hops = 0; hops <= options.redirects; hops++) {
    if (url.protocol !== 'https:') throw new Error('it redirects to something other than https');
    if (url.username !== '' || url.password !== '') throw new Error('it redirects to an address with a password');
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const addresses = await withSignal(options.dns.addresses(host), signal);
    if (addresses.length === 0) throw new MailhaulError('host-unknown', { host });
    if (fromInternet && !addresses.every(isPublicAddress)) {
      throw new Error('it redirects from the internet into the local network');
    }
    fromInternet ||= addresses.some(isPublicAddress);
    const hop = await ask(url, addresses, options, signal);
    if ('body' in hop) return hop.body;
    url = new URL(hop.location, url);
  }
  throw new Error(`it redirects more than ${options.redirects} times`);
}

function withSignal<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

function ask(
  url: URL,
  addresses: readonly string[],
  { maxBytes, ca }: HttpsOptions,
  signal: AbortSignal,
): Promise<Hop> {
  const headers = { accept: 'application/xml, text/xml', 'accept-encoding': 'identity', 'user-agent': 'mailhaul' };
  return new Promise((resolve, reject) => {
    // A connection of its own, to the very addresses that were looked at.
    const asked = request(url, {
      headers,
      signal,
      agent: false,
      lookup: pinned(addresses),
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca }),
    });
    asked.once('error', reject);
    asked.once('response', (response) => {
      hopOf(response, maxBytes)
        .then(resolve, reject)
        .finally(() => asked.destroy());
    });
    asked.end();
  });
}

function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_, options, done) => {
    if (options.all) done(null, all);
    else done(null, all[0]!.address, all[0]!.family);
  };
}

async function hopOf(response: IncomingMessage, maxBytes: number): Promise<Hop> {
  const { statusCode = 0, headers } = response;
  if ([301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined) {
    return { location: headers.location };
  }
  if (statusCode === 404 || statusCode === 410) return { body: undefined };
  if (statusCode !== 200) throw new Error(`it answers ${statusCode}`);
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxBytes) throw new Error(`it is larger than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return { body: Buffer.concat(pieces) };
}

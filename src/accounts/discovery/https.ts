/** Pages of the web over https: bounded in time, size and hops. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { MailhaulError } from '../../ground/errors.ts';
import { isOfTheWay } from '../../transport/tcp.ts';
import { resolvesHere, type Transport } from '../../transport/transport.ts';
import { askWeb, readBody, webTarget } from '../../transport/web-request.ts';
import { isPublicAddress } from './public-address.ts';
import type { Dns, Http } from './seams.ts';

/** How pages are fetched. */
export interface HttpsOptions {
  readonly dns: Pick<Dns, 'addresses'>;
  /** How a host is reached. */
  readonly transportOf: (host: string) => Promise<Transport>;
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
 * a stranger's: it must stay on https, and it does not lead from the internet into the local network. Where a proxy looks
 * names up, all names count as the internet's: an address of the local network is still told, a name of it is not.
 */
export function httpsGetter(options: HttpsOptions): Http {
  return {
    get: async (url) => {
      const signal = AbortSignal.timeout(options.timeoutMs);
      const source = url.replace(/\?.*$/, '');
      try {
        return await follow(new URL(url), options, signal);
      } catch (error) {
        if (error instanceof MailhaulError && (error.code === 'host-unknown' || isOfTheWay(error))) throw error;
        const late = signal.aborted ? `no answer within ${options.timeoutMs / 1000} s` : undefined;
        throw new MailhaulError('discovery-source', { source, reason: late ?? reasonOf(error) }, error);
      }
    },
  };
}

/** What a server sends is not quoted; Node's own words hold at most its certificate's names. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const said = error instanceof MailhaulError ? error.details['reason'] : undefined;
  return String(said ?? (message || code || 'failed'));
}

async function follow(first: URL, options: HttpsOptions, signal: AbortSignal): Promise<Buffer | undefined> {
  let fromInternet = false;
  let url = first;
  for (let hops = 0; hops <= options.redirects; hops++) {
    if (url.protocol !== 'https:') throw new Error('it redirects to something other than https');
    if (url.username !== '' || url.password !== '') throw new Error('it redirects to an address with a password');
    const { host } = webTarget(url);
    const transport = await options.transportOf(host);
    const known = resolvesHere(transport) || isIP(host) !== 0;
    const addresses = known ? await withSignal(options.dns.addresses(host), signal) : undefined;
    if (addresses?.length === 0) throw new MailhaulError('host-unknown', { host });
    if (fromInternet && addresses?.every(isPublicAddress) === false) {
      throw new Error('it redirects from the internet into the local network');
    }
    fromInternet ||= addresses?.some(isPublicAddress) ?? true;
    const hop = await ask(url, { transport, addresses }, options, signal);
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
  way: { transport: Transport; addresses: readonly string[] | undefined },
  { maxBytes, timeoutMs, ca }: HttpsOptions,
  signal: AbortSignal,
): Promise<Hop> {
  const headers = { accept: 'application/xml, text/xml', 'accept-encoding': 'identity', 'user-agent': 'mailhaul' };
  const question = { url, method: 'GET', headers, ...way, tlsCa: ca, timeoutMs, signal };
  return askWeb(question, (response) => hopOf(response, maxBytes));
}

async function hopOf(response: IncomingMessage, maxBytes: number): Promise<Hop> {
  const { statusCode = 0, headers } = response;
  if ([301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined) {
    return { location: headers.location };
  }
  if (statusCode === 404 || statusCode === 410) return { body: undefined };
  if (statusCode !== 200) throw new Error(`it answers ${statusCode}`);
  return { body: await readBody(response, maxBytes) };
}

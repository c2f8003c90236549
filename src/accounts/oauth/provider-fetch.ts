/** The fetch of openid-client: to safe places only, by the way of their host, with an answer of bounded length. */
import type { IncomingHttpHeaders } from 'node:http';
import { isSafeUrl } from '../../ground/settings-oauth.ts';
import { directTransport, type Transport } from '../../transport/transport.ts';
import { askWeb, readBody, webTarget } from '../../transport/web-request.ts';

/** How providers are asked. */
export interface ProviderWay {
  /** How a host is reached. */
  readonly transportOf: (host: string) => Promise<Transport>;
  /** Authorities that are trusted instead of those of Node.js, as PEM text. */
  readonly ca: string | undefined;
  /** For the connection; the signal of each request ends the whole of it. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Ends requests under way. */
  readonly signal: AbortSignal | undefined;
}

/** A request as openid-client gives it. */
interface ProviderRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: ConstructorParameters<typeof Response>[0];
  readonly signal?: AbortSignal | undefined;
}

/** Asks once. Redirects are not followed. */
export type ProviderFetch = (url: string, request: ProviderRequest) => Promise<Response>;

/** Throws what `askWeb` throws, and an Error for plain http to another machine and for an answer that is too long. */
export function providerFetch({ transportOf, ca, timeoutMs, maxBytes, signal }: ProviderWay): ProviderFetch {
  return async (text, { method, headers, body, signal: own }) => {
    if (!isSafeUrl(text)) throw new Error(`${new URL(text).origin} is neither https nor on this machine`);
    const url = new URL(text);
    // A proxy takes "this machine" for itself, and would be sent the secret in the clear.
    const transport = url.protocol === 'https:' ? await transportOf(webTarget(url).host) : directTransport;
    const question = {
      url,
      method,
      headers: { ...headers, 'accept-encoding': 'identity' },
      body: body ? new Uint8Array(await new Response(body).arrayBuffer()) : undefined,
      transport,
      tlsCa: ca,
      timeoutMs,
      signal: AbortSignal.any([own, signal].filter((each) => each !== undefined)),
    };
    return askWeb(question, async (response) => {
      const content = await readBody(response, maxBytes);
      const { statusCode: status = 0 } = response;
      return new Response(content.length === 0 ? null : content, { status, headers: headersOf(response.headers) });
    });
  };
}

function headersOf(given: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) headers.set(name, [value ?? ''].flat().join(', '));
  return headers;
}

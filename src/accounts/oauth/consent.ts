/** A person's consent: by a browser that comes back to this machine, or by a code typed in on another one. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { untilAborted } from '../../ground/clock.ts';
import { MailhaulError, printable } from '../../ground/errors.ts';
import { withoutSecrets } from './classify.ts';
import type { ConsentQuestion, GivenTokens, TokenExchange } from './exchange.ts';

/** What a person is told, and what ends the waiting. */
export interface ConsentOptions {
  /** The name of the provider and the user whose consent it is. */
  readonly provider: string;
  readonly user: string;
  /** Aborted when the time is up, or nobody waits any longer. */
  readonly signal: AbortSignal;
  /** Shows lines to the person: where to go, and what to type in there. */
  readonly tell: (text: string) => void;
}

/** RFC 8252 §7.3: a native app listens on a port of its own of the loopback address. */
const defaultRedirect = 'http://127.0.0.1';

/** Has a browser come back to a port of this machine (RFC 8252). Throws `oauth-consent-refused` and what tokens bring. */
export async function consentByBrowser(
  exchange: TokenExchange,
  redirectUrl: string | undefined,
  options: ConsentOptions,
): Promise<GivenTokens> {
  const redirect = new URL(redirectUrl ?? defaultRedirect);
  const waiting = new RedirectServer();
  try {
    redirect.port = String(await waiting.listen(Number(redirect.port), options));
    const question = await exchange.question(redirect.href);
    options.tell(
      `Open this address in a browser on this machine and sign in as ${options.user}:\n\n  ${question.url}\n`,
    );
    const answer = await waiting.answer(redirect, question, options);
    const given = await exchange.answered(answer, question).catch((error: unknown) => {
      waiting.end('Mailhaul could not use this consent; see its terminal.');
      throw error;
    });
    waiting.end('Mailhaul has your consent. You may close this window.');
    return given;
  } finally {
    await waiting.close();
  }
}

/** Has a person type a code in at the provider's page, on any machine (RFC 8628). Throws as the other one does. */
export async function consentByDevice(exchange: TokenExchange, options: ConsentOptions): Promise<GivenTokens> {
  const code = await exchange.deviceCode();
  const whole = code.verification_uri_complete;
  options.tell(
    `Open ${printable(code.verification_uri)} in a browser on any machine, sign in as ${options.user}, and type in the code\n\n  ${printable(code.user_code)}\n`,
  );
  if (whole !== undefined) options.tell(`or open this address, which has the code in it:\n\n  ${printable(whole)}\n`);
  try {
    // The provider is asked every few seconds; who stops does not wait for the next time.
    const given = await Promise.race([exchange.deviceTokens(code, options.signal), untilAborted(options.signal)]);
    if (given) return given;
    throw outOfTime(options);
  } catch (error) {
    if (options.signal.aborted) throw outOfTime(options);
    throw error;
  }
}

function outOfTime({ provider, user }: ConsentOptions): MailhaulError {
  return new MailhaulError('oauth-consent-refused', { provider, user, reason: 'nobody agreed in time' });
}

/** Waits on the loopback address for one browser. */
class RedirectServer {
  readonly #server: Server;
  #onRequest: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => refuse(response);
  #held: ServerResponse | undefined;

  constructor() {
    this.#server = createServer({ requestTimeout: 10_000 }, (request, response) => this.#onRequest(request, response));
  }

  /** The port; 0 takes a free one. Throws `oauth-consent-refused` where it is taken. */
  async listen(port: number, { provider, user }: ConsentOptions): Promise<number> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening').catch((error: NodeJS.ErrnoException) => {
      const reason = `its answer cannot be waited for on 127.0.0.1:${port} (${error.code ?? 'unknown reason'})`;
      throw new MailhaulError('oauth-consent-refused', { provider, user, reason });
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** The address with which the browser came back. What is not the answer to this question is turned away. */
  answer(redirect: URL, { state }: ConsentQuestion, options: ConsentOptions): Promise<URL> {
    const { signal } = options;
    return new Promise((done, fail) => {
      const onAbort = () => fail(outOfTime(options));
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      this.#onRequest = (request, response) => {
        const answer = addressOf(request, redirect);
        const ours = request.method === 'GET' && answer?.pathname === redirect.pathname;
        // Somebody else's answer must neither be taken nor end the waiting (RFC 6749 §10.12).
        if (!ours || this.#held || answer.searchParams.get('state') !== state) return refuse(response);
        this.#held = response;
        signal.removeEventListener('abort', onAbort);
        const error = answer.searchParams.get('error');
        if (error === null) return done(answer);
        this.end('Mailhaul got no consent.');
        fail(refusal(answer, error, options));
      };
    });
  }

  /** Tells the person in the browser how it went. */
  end(text: string): void {
    this.#held?.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(`${text}\n`);
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    // An answer that was written goes out first; what hangs is not waited for.
    const timer = setTimeout(() => this.#server.closeAllConnections(), 1000);
    await closed;
    clearTimeout(timer);
  }
}

/** Undefined where it is none: any program of this machine, and any page in its browser, can ask for `//`. */
function addressOf(request: IncomingMessage, redirect: URL): URL | undefined {
  const text = request.url ?? '/';
  return URL.canParse(text, redirect.href) ? new URL(text, redirect) : undefined;
}

function refuse(response: ServerResponse): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8', connection: 'close' };
  response.writeHead(400, headers).end('This is not the answer that Mailhaul waits for.\n');
}

function refusal(answer: URL, error: string, { provider, user }: ConsentOptions): MailhaulError {
  const description = answer.searchParams.get('error_description');
  const reason = withoutSecrets(description === null ? error : `${error}: ${description}`, []);
  return new MailhaulError('oauth-consent-refused', { provider, user, reason });
}

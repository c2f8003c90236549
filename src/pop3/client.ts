/** A POP3 client that reads only: lists a maildrop and streams its messages, byte for byte. */
import { MailhaulError } from '../ground/errors.ts';
import { refuseUnsafeCredentials } from '../ground/safe-credentials.ts';
import { LineAnswer } from './answers.ts';
import { askCapabilities, type Capabilities, CapaUnusable } from './capabilities.ts';
import { PopConnection } from './connection.ts';
import type { PopEndpoint, PopOptions } from './endpoint.ts';
import { listMaildrop, type MaildropListing } from './listing.ts';
import { logIn } from './login.ts';
import { awaitGreeting, startTlsLayer } from './opening.ts';
import { fetchMessages } from './retrieve.ts';
import type { PopRequest, PopSink } from './sink.ts';

/** One session: a server that was logged in to, with its maildrop open. One call at a time. */
export class PopClient {
  /** What the server can do after login: names in upper case with their arguments. Empty where it does not say. */
  readonly capabilities: ReadonlyMap<string, string>;
  /** Whether several commands are sent before the first is answered. */
  readonly pipelining: boolean;
  readonly #connection: PopConnection;
  /** The listing that was asked for with CAPA behind the login, until somebody wants it. */
  #listing: Promise<MaildropListing> | undefined;

  private constructor(
    connection: PopConnection,
    capabilities: Capabilities,
    pipelining: boolean,
    listing: Promise<MaildropListing> | undefined,
  ) {
    this.#connection = connection;
    this.capabilities = capabilities;
    this.pipelining = pipelining;
    this.#listing = listing;
  }

  /**
   * Connects and logs in. A server that hangs or hangs up at CAPA is connected to once more without it, and one that
   * cannot do with several commands at once, though it says so, is sent them one at a time.
   * @throws MailhaulError what the error table has about reaching a server, `credentials-unsafe` included
   */
  static async connect(endpoint: PopEndpoint, options: PopOptions): Promise<PopClient> {
    refuseUnsafeCredentials(endpoint);
    try {
      return await PopClient.#open(endpoint, options, options.withoutCapa !== true);
    } catch (error) {
      if (isPipeliningBroken(error)) return PopClient.connect(endpoint, oneAtATime(options));
      if (!(error instanceof CapaUnusable)) throw error;
      const client = await PopClient.#open(endpoint, options, false);
      options.onCapaUnusable?.();
      return client;
    }
  }

  static async #open(endpoint: PopEndpoint, options: PopOptions, withCapa: boolean): Promise<PopClient> {
    const connection = await PopConnection.open(endpoint, options);
    const ask = async () => (withCapa ? askCapabilities(connection) : undefined);
    try {
      const greeting = await awaitGreeting(connection);
      let capabilities = await ask();
      if (endpoint.security === 'starttls') {
        await startTlsLayer(connection, capabilities);
        // RFC 2595 §4: what was heard in plain text is forgotten.
        capabilities = await ask();
      }
      options.onCapabilities?.(capabilities ?? new Map());
      const pipelining = (listed: Capabilities | undefined) =>
        listed?.has('PIPELINING') === true && !options.oneAtATime;
      const atOnce = pipelining(capabilities);
      await logIn(connection, { greeting, capabilities }, atOnce);
      // RFC 2449 §5: the list may differ once the maildrop is open. What everybody asks next need not wait for it (§6.6).
      const asked = ask();
      const listing = atOnce ? listMaildrop(connection, true) : undefined;
      listing?.catch(() => {});
      const opened = (await asked) ?? new Map<string, string>();
      return new PopClient(connection, opened, pipelining(opened), listing);
    } catch (error) {
      connection.fail(error);
      throw error;
    }
  }

  /**
   * The messages of the maildrop.
   * @throws MailhaulError `listing-too-large`, `protocol-error`, `pipelining-broken` and what losing a connection brings
   */
  list(): Promise<MaildropListing> {
    const listing = this.#listing;
    this.#listing = undefined;
    return listing ?? listMaildrop(this.#connection, this.pipelining);
  }

  /**
   * Fetches the messages that are asked for, in order, into the sink. On any failure, the sink's and the requests'
   * own included, the connection is dropped and the failure comes out unchanged.
   * @throws MailhaulError `message-cut`, `pipelining-broken`, `protocol-error`, `server-silent`, `connection-lost`
   */
  fetch(requests: AsyncIterable<PopRequest>, sink: PopSink): Promise<void> {
    return fetchMessages(this.#connection, requests, sink, this.pipelining);
  }

  /**
   * Sends QUIT and closes. The answer is waited for as long as one to CAPA; if it fails to come, that is no error.
   * @throws the failure of the connection if it was gone before QUIT could be sent
   */
  async quit(): Promise<void> {
    const connection = this.#connection;
    if (connection.failure !== undefined) throw connection.failure.error;
    const answer = new LineAnswer({ during: 'QUIT', answerMs: connection.options.popCapaTimeoutMs });
    connection.send('QUIT', answer);
    await answer.reply.catch(() => {});
    this.destroy();
  }

  /** Drops the connection without QUIT; what is under way rejects. */
  destroy(): void {
    this.#connection.fail(this.#connection.error('connection-lost', { during: 'this session, on purpose' }));
  }
}

function isPipeliningBroken(error: unknown): boolean {
  return error instanceof MailhaulError && error.code === 'pipelining-broken';
}

function oneAtATime(options: PopOptions): PopOptions {
  options.onPipeliningBroken?.();
  return { ...options, oneAtATime: true };
}

/** A POP3 client that reads only: lists a maildrop and streams its messages, byte for byte. */
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

  private constructor(connection: PopConnection, capabilities: Capabilities, pipelining: boolean) {
    this.#connection = connection;
    this.capabilities = capabilities;
    this.pipelining = pipelining;
  }

  /**
   * Connects and logs in. A server that hangs or hangs up at CAPA is connected to once more without it.
   * @throws MailhaulError what the error table has about reaching a server, `credentials-unsafe` included
   */
  static async connect(endpoint: PopEndpoint, options: PopOptions): Promise<PopClient> {
    refuseUnsafeCredentials(endpoint);
    try {
      return await PopClient.#open(endpoint, options, options.withoutCapa !== true);
    } catch (error) {
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
      await logIn(connection, { greeting, capabilities });
      // RFC 2449 §5: the list may differ once the maildrop is open.
      const opened = (await ask()) ?? new Map<string, string>();
      return new PopClient(connection, opened, opened.has('PIPELINING') && !options.oneAtATime);
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
    return listMaildrop(this.#connection, this.pipelining);
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

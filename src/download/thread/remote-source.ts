/** A source whose connection lives in another thread: the session's end of their port. */
import type { MessagePort } from 'node:worker_threads';
import { MailhaulError } from '../../ground/errors.ts';
import { nextConnection } from '../../ground/protocol-trace.ts';
import { type PopEndpoint, type PopOptions, popSettingNames } from '../../pop3/endpoint.ts';
import type { ListingParts, MaildropListing } from '../../pop3/listing.ts';
import type { PopRequest } from '../../pop3/sink.ts';
import type { BatchReceiver } from '../hand-over.ts';
import type { TakeHeader } from '../header-sink.ts';
import type { SourceClient, TakePlan, TakeRequest, Taking } from '../source-client.ts';
import type { Connected, ConnectOrder, FromSource, ToSource } from './messages.ts';
import { packError, unpackError, unpackListing } from './parcels.ts';
import { RemoteLook } from './remote-look.ts';
import { type Listener, RemoteTaking, takeOrder } from './remote-taking.ts';
import { TraceWriter } from './trace-relay.ts';

type Call = Extract<ToSource, { say: 'call' }>;

/** One session of a source. */
export class RemoteSource implements SourceClient {
  readonly #port: MessagePort;
  readonly #endpoint: PopEndpoint;
  readonly #options: PopOptions;
  readonly #trace: TraceWriter | undefined;
  #connected: Connected | undefined;
  #call: { resolve(value: unknown): void; reject(error: unknown): void } | undefined;
  #listener: Listener | undefined;

  private constructor(port: MessagePort, endpoint: PopEndpoint, options: PopOptions) {
    this.#port = port;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#trace = endpoint.trace && new TraceWriter(endpoint.trace.log, nextConnection);
    port.on('message', (message: FromSource) => this.#heard(message));
    port.on('close', () => this.#closed());
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /**
   * Connects and logs in, in the thread at the other end of a port; the port is closed with the session.
   * @throws MailhaulError as `PopClient.connect` does
   */
  static async connect(port: MessagePort, endpoint: PopEndpoint, options: PopOptions): Promise<RemoteSource> {
    const source = new RemoteSource(port, endpoint, options);
    try {
      if (options.signal?.aborted) throw options.signal.reason;
      const order = connectOrder(endpoint, options);
      source.#connected = (await source.#ask({ say: 'call', what: 'connect', order })) as Connected;
      return source;
    } catch (error) {
      source.destroy();
      throw error;
    }
  }

  get capabilities(): ReadonlyMap<string, string> {
    return this.#connected!.capabilities;
  }

  async list(): Promise<MaildropListing> {
    return unpackListing((await this.#ask({ say: 'call', what: 'list' })) as ListingParts);
  }

  async look(requests: AsyncIterable<PopRequest>, maxBytes: number, take: TakeHeader): Promise<void> {
    const look = new RemoteLook(requests, take, (message) => this.#tell(message));
    try {
      await this.#ask({ say: 'call', what: 'look', maxBytes }, look);
    } catch (error) {
      throw look.failure ? look.failure.error : error;
    } finally {
      look.end();
    }
  }

  take(plan: TakePlan, requests: AsyncIterable<TakeRequest>, receiver: BatchReceiver): Taking {
    const tell = (message: ToSource) => this.#tell(message);
    const call = (listener: Listener) => this.#ask({ say: 'call', what: 'take', order: takeOrder(plan) }, listener);
    return new RemoteTaking(requests, receiver, tell, call, (error) => this.#failure(error));
  }

  async quit(): Promise<void> {
    await this.#ask({ say: 'call', what: 'quit' });
    this.destroy();
  }

  destroy(): void {
    this.#port.close();
  }

  #tell(message: ToSource): void {
    this.#port.postMessage(message);
  }

  #ask(call: Call, listener?: Listener): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#call = { resolve, reject };
      this.#listener = listener;
      this.#tell(call);
    });
  }

  #heard(message: FromSource): void {
    switch (message.say) {
      case 'answer':
        this.#call?.resolve(message.value);
        break;
      case 'failed':
        this.#call?.reject(this.#failure(unpackError(message.error)));
        break;
      case 'learned':
        if (message.habit === 'withoutCapa') this.#options.onCapaUnusable?.();
        else this.#options.onPipeliningBroken?.();
        break;
      case 'capabilities':
        this.#options.onCapabilities?.(message.capabilities);
        break;
      case 'trace':
        this.#trace?.write(message);
        break;
      default:
        this.#listener?.heard(message);
    }
  }

  /** What was stopped fails with the reason of the stop, as it was given here. */
  #failure(error: Error): unknown {
    const { signal } = this.#options;
    return signal?.aborted ? signal.reason : error;
  }

  readonly #onAbort = (): void => {
    this.#tell({ say: 'abort', error: packError(this.#options.signal?.reason) });
  };

  #closed(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    const { host, port, user } = this.#endpoint;
    const error = new MailhaulError('connection-lost', { host, port, user, during: 'this session, on purpose' });
    this.#call?.reject(this.#failure(error));
  }
}

/** What can be cloned of an endpoint and the settings, and is needed. */
function connectOrder(endpoint: PopEndpoint, options: PopOptions): ConnectOrder {
  const { host, port, security, auth, user, password, accessToken, tokenOnItsOwnLine, authzUser } = endpoint;
  const { tlsCa, transport, trace } = endpoint;
  const login = { host, port, security, auth, user, password, accessToken, tokenOnItsOwnLine, authzUser };
  const settings = Object.fromEntries(popSettingNames.map((name) => [name, options[name]]));
  const { oneAtATime = false, withoutCapa = false } = options;
  return {
    endpoint: { ...login, tlsCa, transport },
    traceMaxLength: trace?.maxLength,
    settings: { ...(settings as Pick<PopOptions, (typeof popSettingNames)[number]>), oneAtATime, withoutCapa },
  };
}

/** One source in the thread that serves them: it logs in, lists and fetches, and tells its session by a port. */
import type { MessagePort } from 'node:worker_threads';
import { keyBytes, writeUidlKey } from '../../ledger/record.ts';
import { LedgerTable } from '../../ledger/table.ts';
import { PopClient } from '../../pop3/client.ts';
import { SpoolDirectory } from '../../spool/spool-directory.ts';
import { HeaderSink } from '../header-sink.ts';
import { RenamedMail } from '../renamed.ts';
import { type Asked, Taker } from '../taker.ts';
import type { Connected, ConnectOrder, FromSource, Progress, TakenAnswer, TakeOrder, ToSource } from './messages.ts';
import {
  asBuffer,
  packAsked,
  packError,
  packListing,
  packTaken,
  unpackAsked,
  unpackError,
  unpackRecords,
} from './parcels.ts';
import { PortReceiver } from './port-receiver.ts';
import { RequestQueue } from './request-queue.ts';
import { TraceRelay } from './trace-relay.ts';

const uidlKeys = { bytes: keyBytes, write: writeUidlKey };
const nothing: Progress = { begun: 0, received: 0 };

/**
 * Requests that are wanted at once, and an eighth of those in flight at most: a message from thread to thread costs as much
 * as a few of mail, but each has claimed its space, and those are fetched after a stop.
 */
const requestsAtOnce = 32;

/** Serves the session at the other end of a port until that closes. */
export function serveSource(port: MessagePort): void {
  const served = new ServedSource((message, transfer = []) => port.postMessage(message, transfer));
  port.on('message', (message: ToSource) => served.heard(message));
  port.on('close', () => served.left());
}

class ServedSource {
  readonly #tell: (message: FromSource, transfer?: ArrayBuffer[]) => void;
  readonly #abort = new AbortController();
  readonly #receiver: PortReceiver;
  /** What is known of messages whose answers have not begun. */
  readonly #asked = new Map<number, Asked>();
  #client: PopClient | undefined;
  #wantAtOnce = 1;
  #requests: RequestQueue | undefined;
  #taker: Taker | undefined;
  #begun = 0;

  constructor(tell: (message: FromSource, transfer?: ArrayBuffer[]) => void) {
    this.#tell = tell;
    this.#receiver = new PortReceiver(tell);
  }

  heard(message: ToSource): void {
    switch (message.say) {
      case 'call':
        void this.#answer(message);
        break;
      case 'requests':
        for (const { number, asked } of message.requests) if (asked) this.#asked.set(number, unpackAsked(asked));
        this.#requests?.add(message.requests, message.over);
        break;
      case 'requests failed':
        this.#requests?.fail(unpackError(message.error));
        break;
      case 'close soon':
        // Its failure comes out at the next batch, and at the end.
        void this.#taker?.closeSoon().catch(() => {});
        break;
      case 'registered':
        this.#receiver.registered(message.batch, message.error && unpackError(message.error));
        break;
      case 'abort':
        this.#abort.abort(unpackError(message.error));
        break;
    }
  }

  /** Nobody listens any more. */
  left(): void {
    this.#client?.destroy();
    this.#abort.abort();
    this.#receiver.left(new Error('the session has gone'));
  }

  async #answer(call: ToSource & { say: 'call' }): Promise<void> {
    try {
      const [value, transfer] = await this.#do(call);
      this.#tell({ say: 'answer', value }, transfer);
    } catch (error) {
      this.#tell({ say: 'failed', error: packError(error) });
    }
  }

  async #do(call: ToSource & { say: 'call' }): Promise<[value: unknown, transfer?: ArrayBuffer[]]> {
    switch (call.what) {
      case 'connect':
        return [await this.#connect(call.order)];
      case 'list':
        return packListing((await this.#connected.list()).parts);
      case 'look':
        return [await this.#look(call.maxBytes)];
      case 'take':
        return [await this.#take(call.order)];
      case 'quit':
        return [await this.#connected.quit()];
    }
  }

  get #connected(): PopClient {
    if (!this.#client) throw new Error('not connected');
    return this.#client;
  }

  async #connect({ endpoint, traceMaxLength, settings }: ConnectOrder): Promise<Connected> {
    const trace =
      traceMaxLength === undefined
        ? undefined
        : { log: new TraceRelay((line) => this.#tell({ say: 'trace', ...line })), maxLength: traceMaxLength };
    this.#wantAtOnce = Math.max(1, Math.min(requestsAtOnce, Math.floor(settings.popPipelineCommands / 8)));
    this.#client = await PopClient.connect(
      { ...endpoint, trace },
      {
        ...settings,
        uidlKeys,
        signal: this.#abort.signal,
        onCapabilities: (capabilities) => this.#tell({ say: 'capabilities', capabilities }),
        onCapaUnusable: () => this.#tell({ say: 'learned', habit: 'withoutCapa' }),
        onPipeliningBroken: () => this.#tell({ say: 'learned', habit: 'oneAtATime' }),
      },
    );
    return { capabilities: this.#client.capabilities };
  }

  async #look(maxBytes: number): Promise<void> {
    // A copy of its own: what small Buffers share would all be cloned.
    const sink = new HeaderSink(maxBytes, (header) =>
      this.#tell({ say: 'header', header: header && new Uint8Array(header) }),
    );
    const requests = this.#newRequests(() => nothing);
    await this.#connected.fetch(requests, sink);
  }

  async #take(order: TakeOrder): Promise<TakenAnswer> {
    const { known, renamed, directory, ...plan } = order;
    this.#begun = 0;
    const taker = new Taker({
      ...plan,
      asked: (number) => this.#begin(number),
      directory: new SpoolDirectory(directory),
      receiver: this.#receiver,
      ledger: new LedgerTable(known ? asBuffer(known.records) : Buffer.alloc(0)),
      spooled: known?.spooled ?? new Set(),
      renamed: renamed && new RenamedMail(unpackRecords(renamed)),
    });
    this.#taker = taker;
    const progress = () => ({ begun: this.#begun, received: taker.received });
    const failure = await failureOf(this.#connected.fetch(this.#newRequests(progress), taker));
    const current = taker.current && packAsked(taker.current);
    // Whole messages are kept, whatever ended the session: they need not be fetched again.
    const handOverFailure = await failureOf(taker.finish());
    this.#taker = undefined;
    this.#asked.clear();
    return { ...progress(), taken: packTaken(taker.taken), current, failure, handOverFailure };
  }

  /** What is forgotten when its answer begins: a session of any length remembers only what is in flight. */
  #begin(number: number): Asked {
    const asked = this.#asked.get(number)!;
    this.#asked.delete(number);
    this.#begun += 1;
    return asked;
  }

  #newRequests(progress: () => Progress): RequestQueue {
    const count = this.#connected.pipelining ? this.#wantAtOnce : 1;
    this.#requests = new RequestQueue(() => this.#tell({ say: 'want', count, progress: progress() }));
    return this.#requests;
  }
}

async function failureOf(work: Promise<void>) {
  return work.then(() => undefined, packError);
}

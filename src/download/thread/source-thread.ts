/** The thread that sources live in: what they send is read, unstuffed, hashed and spooled beside everything else. */
import { setFlagsFromString } from 'node:v8';
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { startSecondThread } from '../../ground/second-thread.ts';
import type { PopEndpoint, PopOptions } from '../../pop3/endpoint.ts';
import { RemoteSource } from './remote-source.ts';

/** What the main thread says to the thread itself: here is the port of one more session. */
export interface NewSession {
  readonly port: MessagePort;
}

/** A process that has had so many sessions is likely to have many at once. */
const manySessions = 5;

/** One thread for all sources of a process. */
export class SourceThread {
  readonly #worker: Worker | undefined;
  #sessions = 0;

  private constructor(worker: Worker | undefined) {
    this.#worker = worker;
  }

  /** Starts the thread, or takes the one that was begun early. */
  static start(): SourceThread {
    return new SourceThread(startSecondThread());
  }

  /** Connects and logs in to a source. Throws MailhaulError as `PopClient.connect` does. */
  async connect(endpoint: PopEndpoint, options: PopOptions): Promise<RemoteSource> {
    this.#sessions += 1;
    // With many sources two threads let twice as much go to waste before V8 collects it: what was made last gets no more
    // room than it has by now (decision 0019). Not before there are two heaps: a new one would set it back.
    if (this.#sessions === manySessions) setFlagsFromString('--semi-space-growth-factor=1');
    const { port1, port2 } = new MessageChannel();
    if (this.#worker) this.#worker.postMessage({ port: port2 } satisfies NewSession, [port2]);
    else (await import('./served-source.ts')).serveSource(port2);
    return RemoteSource.connect(port1, endpoint, options);
  }

  /** Ends the thread, beside whatever else ends. Its sessions are over by then. */
  end(): void {
    void this.#worker?.terminate();
  }
}

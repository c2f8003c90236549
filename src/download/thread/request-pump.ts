/** Requests on their way to the thread that fetches: made when it wants them, and sent several at a time. */
import type { RequestParcel, ToSource } from './messages.ts';
import { packError } from './parcels.ts';

/** Makes the requests of one call, and remembers those whose answers have not begun. */
export class RequestPump<Request> {
  /** What making them failed with. */
  failure: { readonly error: unknown } | undefined;
  readonly #requests: AsyncIterator<Request>;
  readonly #pack: (request: Request) => RequestParcel;
  readonly #tell: (message: ToSource) => void;
  readonly #due: Request[] = [];
  /** How many answers have begun. */
  #begun = 0;
  #wanted = 0;
  #pumping = false;
  #ended = false;
  #made: RequestParcel[] = [];
  #sending: NodeJS.Immediate | undefined;

  constructor(
    requests: AsyncIterable<Request>,
    pack: (request: Request) => RequestParcel,
    tell: (message: ToSource) => void,
  ) {
    this.#requests = requests[Symbol.asyncIterator]();
    this.#pack = pack;
    this.#tell = tell;
  }

  /** Requests whose answers have not begun, the oldest first. */
  get due(): readonly Request[] {
    return this.#due;
  }

  /** The thread has room for so many more. */
  want(count: number): void {
    this.#wanted += count;
    if (!this.#pumping) void this.#pump();
  }

  /** So many answers have begun in all; they come in the order of the requests. Returns the requests of those that are new. */
  noteBegun(begun: number): readonly Request[] {
    const fresh = this.#due.splice(0, begun - this.#begun);
    this.#begun = begun;
    return fresh;
  }

  /** One more answer has begun. */
  begin(): void {
    this.noteBegun(this.#begun + 1);
  }

  /** The call must fail, whatever the thread does. */
  fail(error: unknown): void {
    this.failure ??= { error };
    if (!this.#ended) this.#tell({ say: 'requests failed', error: packError(error) });
  }

  /** No more are wanted. Whoever makes them may be waiting for something that now never comes: he is told, not waited for. */
  end(): void {
    this.#ended = true;
    clearImmediate(this.#sending);
    this.#requests.return?.().catch(() => {});
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#wanted > 0 && !this.#ended) {
        const { done, value } = await this.#requests.next();
        if (done) return this.#send(true);
        this.#wanted -= 1;
        this.#due.push(value);
        this.#made.push(this.#pack(value));
        // Whoever makes requests may wait before the next one; meanwhile these are on their way.
        this.#sending ??= setImmediate(() => this.#send(false));
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.#pumping = false;
    }
  }

  #send(over: boolean): void {
    clearImmediate(this.#sending);
    this.#sending = undefined;
    const requests = this.#made;
    this.#made = [];
    if (!this.#ended) this.#tell({ say: 'requests', requests, over });
  }
}

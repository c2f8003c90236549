/** Requests in the thread that fetches: they come from the session that knows what is wanted, when there is room for them. */
import type { RequestParcel } from './messages.ts';

/** Yields what is added, asking for more when there is none. */
export class RequestQueue implements AsyncIterableIterator<RequestParcel, undefined> {
  readonly #want: () => void;
  #waiting: RequestParcel[] = [];
  #at = 0;
  #over = false;
  #failure: { error: unknown } | undefined;
  #next: { resolve(result: IteratorResult<RequestParcel, undefined>): void; reject(error: unknown): void } | undefined;

  constructor(want: () => void) {
    this.#want = want;
  }

  /** Takes further requests; `over` with the last. */
  add(requests: readonly RequestParcel[], over: boolean): void {
    // A part at a time: the one before was used up, or the reader would not have asked.
    this.#waiting = [...this.#waiting.slice(this.#at), ...requests];
    this.#at = 0;
    this.#over ||= over;
    this.#serve();
  }

  /** Whoever makes the requests has failed. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#serve();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<RequestParcel, undefined>> {
    return new Promise((resolve, reject) => {
      this.#next = { resolve, reject };
      if (!this.#serve()) this.#want();
    });
  }

  async return(): Promise<IteratorResult<RequestParcel, undefined>> {
    this.#over = true;
    this.#waiting = [];
    this.#serve();
    return { done: true, value: undefined };
  }

  /** True when the reader, if there is one, has got what it waits for. */
  #serve(): boolean {
    const next = this.#next;
    if (!next) return true;
    const value = this.#waiting[this.#at];
    if (value) {
      this.#at += 1;
      next.resolve({ done: false, value });
    } else if (this.#failure) next.reject(this.#failure.error);
    else if (this.#over) next.resolve({ done: true, value: undefined });
    else return false;
    this.#next = undefined;
    return true;
  }
}

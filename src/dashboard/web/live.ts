/** What the service tells by itself: one stream of events for the whole page, opened again when it breaks. */
import type { Overview } from '../../operations/answers/overview.ts';
import type { RowsEvent } from '../../operations/answers/table.ts';
import { Cell } from './cell.ts';

/** How the stream stands; `ended` is for good, until somebody logs in. */
export type Link = 'opening' | 'live' | 'lost' | 'ended';

/** Between two tries to open the stream, at first and at most. */
const firstWaitMs = 1000;
const longestWaitMs = 30_000;

/** The stream. */
export class Live {
  readonly link = new Cell<Link>('opening');
  readonly overview = new Cell<Overview | undefined>(undefined);
  /** Counts the times that the stream was opened again: what was asked before may be old. */
  readonly reopened = new Cell(0);
  readonly #rows = new Set<(event: RowsEvent) => void>();
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = firstWaitMs;
  #wasOpen = false;

  /** Opens the stream, for as long as the page lives. */
  open(): void {
    if (this.link.value === 'ended') return;
    this.close();
    const source = new EventSource('api/events');
    this.#source = source;
    source.onopen = () => this.#opened();
    source.onerror = () => this.#broken();
    source.addEventListener('overview', ({ data }) => {
      this.overview.value = JSON.parse(data as string) as Overview;
    });
    source.addEventListener('rows', ({ data }) => {
      const event = JSON.parse(data as string) as RowsEvent;
      for (const listener of [...this.#rows]) listener(event);
    });
  }

  /** Has `listener` called with accounts that changed, until the function is called that it gives. */
  onRows(listener: (event: RowsEvent) => void): () => void {
    this.#rows.add(listener);
    return () => this.#rows.delete(listener);
  }

  /** Closes the stream until it is opened again. */
  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  /** The session has ended: nothing more comes. */
  end(): void {
    this.close();
    this.link.value = 'ended';
  }

  #opened(): void {
    if (this.#wasOpen) this.reopened.value += 1;
    this.#wasOpen = true;
    this.#waitMs = firstWaitMs;
    this.link.value = 'live';
  }

  /** A browser tries again by itself after a broken connection only, not after an answer that is no stream. */
  #broken(): void {
    if (this.link.value === 'ended') return;
    this.link.value = 'lost';
    this.close();
    this.#timer = setTimeout(() => void this.#tryAgain(), this.#waitMs);
    this.#waitMs = Math.min(longestWaitMs, this.#waitMs * 2);
  }

  /** An EventSource does not tell why it was refused; a question does. */
  async #tryAgain(): Promise<void> {
    const status = await fetch('api/session', { headers: { accept: 'application/json' } }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 401) this.end();
    else if (status === 200) this.open();
    else this.#broken();
  }
}

/** The stream of this page. */
export const live = new Live();

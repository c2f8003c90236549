/** The rows of the account list that are looked at, fetched page by page and kept up to date. Bounded, however long the list. */
import type { RowsEvent, Table, TableRow } from '../../operations/answers/table.ts';

/** Rows in one question, pages that are kept, questions at once. */
const pageRows = 100;
const mostPages = 20;
const mostAsked = 2;

/** What a feed works with. */
export interface FeedParts {
  /** Fetches rows. Throws when that does not work. */
  readonly ask: (offset: number, limit: number, signal: AbortSignal) => Promise<Table>;
  /** So long rows are looked at before they are asked for; 0 asks at once. */
  readonly restMs: number;
  /** Called when there is something else to show. */
  readonly onChange: () => void;
  /** The part of a row that places it in the list: a row in which it changed may belong elsewhere. */
  readonly placeOf: (row: TableRow) => string;
}

/** The rows of one query. */
export class RowFeed {
  /** Rows in all; undefined until the first answer. */
  total: number | undefined;
  /** What went wrong last; undefined once something worked again. */
  fault: unknown;
  /** Rows have changed so that the list would be another if it was asked for now. */
  outdated = false;
  readonly #parts: FeedParts;
  /** Pages by their number, the one that was looked at longest ago first. */
  readonly #pages = new Map<number, TableRow[]>();
  readonly #asked = new Map<number, AbortController>();
  #wanted: number[] = [];
  #stale = new Set<number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** The row at a place of the list; undefined while it is not there. */
  row(index: number): TableRow | undefined {
    return this.#pages.get(Math.floor(index / pageRows))?.[index % pageRows];
  }

  /** These rows are looked at, `end` not among them. */
  show(first: number, end: number): void {
    const pages: number[] = [];
    for (let page = Math.floor(first / pageRows); page * pageRows < Math.max(end, first + 1); page += 1)
      pages.push(page);
    this.#wanted = pages;
    for (const page of pages) this.#touch(page);
    for (const [page, control] of this.#asked) if (!pages.includes(page)) control.abort();
    if (pages.some((page) => this.#isMissing(page))) this.#fetchSoon();
  }

  /** Takes over what has changed, without moving any row. */
  merge({ rows, more }: RowsEvent): void {
    // Answers that are under way may be older than this.
    for (const page of this.#asked.keys()) this.#stale.add(page);
    if (this.#replace(rows)) this.#parts.onChange();
    if (more) this.refresh();
  }

  /** Asks for the rows that are looked at again: their values change, their places do not. */
  refresh(): void {
    for (const page of this.#wanted) this.#stale.add(page);
    this.#fetch();
  }

  /** Nothing more is asked or told. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const control of this.#asked.values()) control.abort();
  }

  #touch(page: number): void {
    const rows = this.#pages.get(page);
    if (!rows) return;
    this.#pages.delete(page);
    this.#pages.set(page, rows);
  }

  /** What flies past is not asked for: only what is still looked at when the time is over. */
  #fetchSoon(): void {
    const { restMs } = this.#parts;
    if (restMs === 0 || this.total === undefined) this.#fetch();
    else
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#fetch();
      }, restMs);
  }

  #isMissing(page: number): boolean {
    return !this.#pages.has(page) && !this.#isBeyond(page);
  }

  #fetch(): void {
    for (const page of this.#wanted) {
      if (this.#isClosed || this.#asked.size >= mostAsked) return;
      const isWanted = this.#isMissing(page) || (this.#stale.has(page) && !this.#isBeyond(page));
      if (!isWanted || this.#asked.has(page)) continue;
      void this.#ask(page);
    }
  }

  #isBeyond(page: number): boolean {
    return page > 0 && this.total !== undefined && page * pageRows >= this.total;
  }

  async #ask(page: number): Promise<void> {
    const control = new AbortController();
    this.#asked.set(page, control);
    const wasStale = this.#stale.delete(page);
    try {
      const answer = await this.#parts.ask(page * pageRows, pageRows, control.signal);
      if (!control.signal.aborted) this.#take(page, answer);
      else if (wasStale) this.#stale.add(page);
    } catch (thrown) {
      if (wasStale) this.#stale.add(page);
      // Whoever asked for it is told; the same page is not asked for again until somebody scrolls or refreshes.
      if (!control.signal.aborted) this.fault = thrown;
    }
    this.#asked.delete(page);
    if (this.#isClosed) return;
    if (!control.signal.aborted) this.#parts.onChange();
    if (this.fault === undefined) this.#fetch();
  }

  #take(page: number, { total, rows }: Table): void {
    this.fault = undefined;
    if (this.total !== undefined && total !== this.total) this.outdated = true;
    this.total = total;
    if (this.#pages.has(page)) {
      this.#replace(rows);
      return;
    }
    this.#pages.set(page, rows);
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= mostPages) break;
      this.#pages.delete(oldest);
    }
  }

  #replace(rows: readonly TableRow[]): boolean {
    const fresh = new Map(rows.map((row) => [row.id, row]));
    let isOther = false;
    for (const page of this.#pages.values()) {
      for (const [index, row] of page.entries()) {
        const other = fresh.get(row.id);
        if (!other) continue;
        isOther = true;
        if (this.#parts.placeOf(other) !== this.#parts.placeOf(row)) this.outdated = true;
        page[index] = other;
      }
    }
    return isOther;
  }
}

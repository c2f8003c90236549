/** What is told to everybody who watches. */

/** One event; `data` is JSON, made once for all who watch. */
export interface LiveEvent {
  readonly name: 'overview' | 'rows';
  readonly data: string;
}

/** Tells those who watch what has changed. */
export interface Live {
  /** Calls `listener` with the latest overview at once, and from then on with each event, until the answer is called. */
  subscribe(listener: (event: LiveEvent) => void): () => void;
}

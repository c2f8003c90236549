/** Counts how often a connection made its client wait for the network, from what passes by at its server's end. */

/** Who speaks. */
export type Speaker = 'client' | 'server';

interface Heard {
  readonly at: number;
  readonly depth: number;
}

/**
 * Two counts, because a client that pipelines speaks while it is being answered. *Turns* counts how often the client
 * spoke after the server had: client, server, client; connecting is the client's first word. *Chain* is the longest
 * row of answers of which each can have been caused by the one before, given the time that bytes take: a delay costs
 * at least so many round trips.
 */
export class RoundTrips {
  readonly #oneWayMs: number;
  readonly #onTheWay: Record<Speaker, Heard[]> = { client: [], server: [] };
  readonly #arrived: Record<Speaker, number> = { client: 0, server: 0 };
  #last: Speaker = 'client';
  #turns = 0;
  #chain = 0;

  constructor(oneWayMs: number) {
    this.#oneWayMs = oneWayMs;
  }

  get turns(): number {
    return this.#turns;
  }

  get chain(): number {
    return this.#chain;
  }

  /** Somebody said something at this time, in milliseconds of any clock that goes forward. */
  heard(speaker: Speaker, at: number): void {
    if (speaker === 'client' && this.#last === 'server') this.#turns += 1;
    this.#last = speaker;
    const other = speaker === 'client' ? 'server' : 'client';
    const depth = this.#arrivedFrom(other, at) + (speaker === 'server' ? 1 : 0);
    this.#chain = Math.max(this.#chain, speaker === 'server' ? depth : 0);
    const waiting = this.#onTheWay[speaker];
    if (waiting.at(-1)?.depth !== depth) waiting.push({ at, depth });
  }

  /** The deepest word of the other one that has arrived by now. */
  #arrivedFrom(speaker: Speaker, now: number): number {
    const waiting = this.#onTheWay[speaker];
    while (waiting[0] && waiting[0].at + this.#oneWayMs <= now) this.#arrived[speaker] = waiting.shift()!.depth;
    return this.#arrived[speaker];
  }
}

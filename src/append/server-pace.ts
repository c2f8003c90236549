/**
 * Whether a server is slower than the line to it: it works on one command after the other then, and waits for its disk in
 * between, so that a second connection gives it something to do meanwhile (decision 0024).
 */

/** So many answers in a row say how long it works on a command. */
const samplesNeeded = 2;

/**
 * The closing bytes of a command wait for the answer to the one before it on the other connection, a round trip each time: work
 * that is shorter than that is better left to one connection.
 */
const leastRoundTrips = 1.25;

/** What a server is thought to take for a command of many messages before it is known: each is a file to be written and synced. */
const expectedWorkMs = 100;
/** So many commands without an answer are a large mailbox. */
const manyUnanswered = 3;

/** What the answers of one session tell. Times are those of `performance.now()`, in milliseconds. */
export class ServerPace {
  #roundTripMs = Number.POSITIVE_INFINITY;
  #answeredAt = 0;
  #workMs = 0;
  #samples = 0;

  /** Something that is answered at once took so long: the least of all counts. */
  noteRoundTrip(ms: number): void {
    this.#roundTripMs = Math.min(this.#roundTripMs, ms);
  }

  /** A command is given to the server at `begunAt` and answered at `at`. */
  noteAnswer(begunAt: number, at: number): void {
    // One that was given later may have been waited for: by the server, and for its mail.
    if (begunAt < this.#answeredAt) {
      this.#workMs += at - this.#answeredAt;
      this.#samples += 1;
    }
    this.#answeredAt = at;
  }

  /** True where it takes longer for a command than the line does for a round trip. */
  get isSlow(): boolean {
    return this.#samples >= samplesNeeded && this.#isLong(this.#workMs / this.#samples);
  }

  /** True where a second connection is worth a login: it is slow, or so it seems and much of a mailbox is unanswered. */
  wantsSecond(unanswered: number): boolean {
    const isUnknown = this.#samples < samplesNeeded;
    return this.isSlow || (isUnknown && unanswered >= manyUnanswered && this.#isLong(expectedWorkMs));
  }

  #isLong(workMs: number): boolean {
    return workMs > this.#roundTripMs * leastRoundTrips;
  }
}

/** Second connections that append (decision 0024), counted for a process: they are for few large mailboxes. */

/** Where more accounts are under way at once, the servers have enough to do. */
const most = 4;

/** How many a process may still open. */
export class ExtraConnections {
  #left = most;

  /** Leave for one more, to be given back by what it returns when that is closed; undefined where there are enough. */
  take(): (() => void) | undefined {
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    let isTaken = true;
    return () => {
      if (isTaken) this.#left += 1;
      isTaken = false;
    };
  }
}

/** Work on one thing, one after the other, though many come for it at once. */
export class Queues {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does the work when all that came before it under this name is over. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const mine = before.then(work);
    const over = mine.catch(() => {});
    this.#last.set(name, over);
    try {
      return await mine;
    } finally {
      if (this.#last.get(name) === over) this.#last.delete(name);
    }
  }
}

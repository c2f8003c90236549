/** Values that parts of the page watch. */
import { useEffect, useRef, useState } from 'preact/hooks';

/** A value, and who wants to know when there is another. */
export class Cell<T> {
  #value: T;
  readonly #watchers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Calls `watcher` after each change, until the function is called that it gives. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/** The value of a cell in a component, which is drawn again when there is another. */
export function useCell<T>(cell: Cell<T>): T {
  const [, redraw] = useState({});
  const shown = useRef(cell.value);
  shown.current = cell.value;
  useEffect(() => {
    const stop = cell.watch(() => redraw({}));
    // Between drawing and watching there may have been another.
    if (!Object.is(shown.current, cell.value)) redraw({});
    return stop;
  }, [cell]);
  return cell.value;
}

/** What has to be undone whatever ends the benchmark: the end of the script, an error, Ctrl-C or a kill by signal. */

const undo = new Set<() => void>();

/** Registers work that can be done without waiting; returns what takes it back. */
export function atExit(work: () => void): () => void {
  undo.add(work);
  return () => void undo.delete(work);
}

/** From now on the registered work is done at the end of the process, the newest first, and signals end it in order. */
export function watchExit(): void {
  process.once('exit', () => {
    for (const work of [...undo].reverse()) work();
  });
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}

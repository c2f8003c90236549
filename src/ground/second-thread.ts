/**
 * The second thread of the built program, which runs the part that src/start-up.ts has for it. A command that will need it
 * begins with it.
 */
import { Worker } from 'node:worker_threads';

/** What was begun early and nobody has asked for yet. */
let early: Worker | undefined;

/**
 * Begins to start the thread for who asks `startSecondThread` soon: it takes as long as the program takes to be loaded, and
 * both can be done at once.
 */
export function beginSecondThread(): void {
  early = startSecondThread();
}

/** Ends what was begun early, if nobody has asked for it. */
export function endUnusedThread(): void {
  void early?.terminate();
  early = undefined;
}

/**
 * Starts the thread, or hands over what was begun early; undefined where the program runs from its sources. It holds no
 * process up that has nothing else to do. What nobody foresaw in it ends the process, as it does elsewhere.
 */
export function startSecondThread(): Worker | undefined {
  const begun = early;
  early = undefined;
  if (begun) return begun;
  const program = builtProgram();
  if (!program) return undefined;
  const worker = new Worker(program, { name: 'second' });
  worker.on('error', (error) => {
    throw error;
  });
  worker.unref();
  return worker;
}

/** Where the built program begins, in every thread; from its sources it runs in one, which behaves the same. */
function builtProgram(): URL | undefined {
  return /\/dist\/src\/parts\/[^/]+$/.test(import.meta.url) ? new URL('../cli.js', import.meta.url) : undefined;
}

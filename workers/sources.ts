/** The thread of the sources, in the built program: its first lines. */
import { parentPort } from 'node:worker_threads';
import { serveSource } from '../src/download/thread/served-source.ts';
import type { NewSession } from '../src/download/thread/source-thread.ts';

parentPort?.on('message', ({ port }: NewSession) => serveSource(port));

#!/usr/bin/env node
/**
 * How the built program is loaded: `dist/src/cli.js`. Its parts are functions of CommonJS that V8 compiled when the
 * program was built, since compiling them again takes longer than all else that a short command does (decision 0017).
 * What was compiled by another V8 is not looked at, and where there is nothing the parts are compiled as ever. It is a module of
 * CommonJS itself when it is built: in each thread Node.js takes 5 ms longer to be ready for the others.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

/** Set by the build: the part with the command line, and the one with the thread of the sources. */
declare const mailhaulMain: string;
declare const mailhaulSources: string;

interface Part {
  exports: unknown;
}

type Body = (
  exports: unknown,
  require: NodeJS.Require,
  module: Part,
  path: string,
  folder: string,
  url: string,
) => void;

// Before anything is compiled: what is kept is only good for the flags that it was made with. V8 optimises a function
// this often later than it would by itself: in runs of seconds its optimiser took a quarter of the time of two cores
// (decision 0018).
// They are those of the process: another thread finds them set.
if (isMainThread) setFlagsFromString('--interrupt-budget=1000000');

const parts = join(import.meta.dirname, 'parts');
const compiled = join(parts, `${process.version}-${process.platform}-${process.arch}`);
const loaded = new Map<string, Part>();
const outside = createRequire(import.meta.filename);
// The other properties of `require` are those of this file.
const require = Object.assign(
  (name: string) => (name.startsWith('./') ? part(basename(name)) : outside(name)),
  outside,
);

function part(name: string): unknown {
  const known = loaded.get(name);
  if (known) return known.exports;
  const made: Part = { exports: {} };
  loaded.set(name, made);
  const path = join(parts, name);
  const cachedData = contentOf(join(compiled, name));
  // The build writes ASCII; V8 keeps what is read so in half the memory.
  const script = new Script(readFileSync(path, 'latin1'), { filename: path, ...(cachedData && { cachedData }) });
  const body = script.runInThisContext() as Body;
  body(made.exports, require, made, path, parts, pathToFileURL(path).href);
  return made.exports;
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

part(isMainThread ? mailhaulMain : mailhaulSources);

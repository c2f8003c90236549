/** The log: one line an event, JSON or for people, by pino. This file owns pino. */
import { renameSync, statSync } from 'node:fs';
import { type DestinationStream, type Logger, pino } from 'pino';
import { AccountFiles, type AccountFilesOptions } from './log-account-files.ts';
import { escapeControls } from './log-text.ts';

/** A logger; children carry `account` and `run`. */
export type Log = Logger;

/** How a log is written. */
export interface LogOptions {
  /** From here on lines are written: fatal, error, warn, info, debug or trace. */
  readonly level: string;
  /** A path, standard output or standard error. */
  readonly destination: string | 1 | 2;
  /** A file that would get more bytes becomes FILE.1.log, in the place of an older one. */
  readonly maxBytes?: number;
  /** Lines for people instead of JSON. */
  readonly pretty?: { readonly colour: boolean } | undefined;
  /** Lines with an account go to its own file too, as JSON. */
  readonly accountFiles?: Omit<AccountFilesOptions, 'onTrouble'> | undefined;
}

/** What may never be printed, wherever it stands in an object that is logged. */
const secretNames = [
  'password',
  'pass',
  'secret',
  'token',
  'accessToken',
  'refreshToken',
  'clientSecret',
  'proxyPassword',
  'authorization',
  'cookie',
];
const secretPaths = ['', '*.', '*.*.', '*.*.*.'].flatMap((place) => secretNames.map((name) => `${place}${name}`));

/** Bytes of lines that wait where nothing is written for a while (a full disk, a reader that has stopped); more are lost. */
const mostWaiting = 8 * 1024 * 1024;

/** A stream that has it is given what a line was made of, besides the line. */
const wantsMetadata: unique symbol = Symbol.for('pino.metadata');

/** Turns a JSON line into what is written. */
type Form = (line: string) => string;

/** A log that writes JSON lines, soon enough to survive a crash. */
export function createLog(options: Omit<LogOptions, 'pretty'>): Log {
  return makeLog(options, undefined);
}

/** The same, in the form that is asked for. */
export async function openLog(options: LogOptions): Promise<Log> {
  if (!options.pretty) return makeLog(options, undefined);
  // Most logs are read by programs: they need no colours, and no time to load them.
  const { prettyLines } = await import('./log-pretty.ts');
  return makeLog(options, prettyLines(options.pretty));
}

/** A log that drops everything, for tests and for commands that only print. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}

function makeLog({ level, destination, maxBytes, accountFiles }: LogOptions, form: Form | undefined): Log {
  const stream = openStream(destination);
  const isFile = typeof destination === 'string' && maxBytes !== undefined;
  const main = isFile ? new BoundedFile(stream, destination, maxBytes) : stream;
  const files =
    accountFiles &&
    new AccountFiles({
      ...accountFiles,
      // Not in the middle of writing a line.
      onTrouble: (reason) => queueMicrotask(() => log.warn({ reason }, 'account file not written')),
    });
  const options = {
    level,
    base: null,
    redact: { paths: secretPaths, censor: '[secret]' },
    hooks: { streamWrite: escapeControls },
  };
  const log: Log = pino(options, files || form ? new Branches(main, form, files) : main);
  return log;
}

/** A line that cannot be written ends no run: it waits for the next one, and is lost when the process ends before. */
function openStream(dest: LogOptions['destination']): ReturnType<typeof pino.destination> {
  // What is written to a file at once need not be flushed at the end, where a full disk would be waited for without end.
  const sync = typeof dest === 'string';
  const stream = pino.destination({ dest, mkdir: true, mode: 0o600, sync, minLength: 0, maxLength: mostWaiting });
  const flush = stream.flushSync.bind(stream);
  let failing = false;
  stream.on('error', () => {
    failing = true;
  });
  stream.on('write', () => {
    failing = false;
  });
  stream.flushSync = () => {
    if (!failing) flush();
  };
  return stream;
}

/** Gives a file that is full another name, and goes on with an empty one. */
class BoundedFile implements DestinationStream {
  readonly #stream: ReturnType<typeof pino.destination>;
  readonly #path: string;
  readonly #maxBytes: number;
  #bytes: number;

  constructor(stream: ReturnType<typeof pino.destination>, path: string, maxBytes: number) {
    this.#stream = stream;
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) this.#turn();
    this.#bytes += bytes;
    this.#stream.write(line);
  }

  /** What was written and is not on the disk yet follows the file to its other name, or begins the next. */
  #turn(): void {
    this.#bytes = 0;
    try {
      renameSync(this.#path, this.#path.replace(/(?:\.log)?$/, '.1.log'));
      this.#stream.reopen();
    } catch {
      // It is not there yet, or somebody took it away: it goes on where it is.
    }
  }
}

/** Writes each line to the main log and, where it is about an account, to that account's file. */
class Branches implements DestinationStream {
  /** Has pino set the two below before each line. */
  readonly [wantsMetadata] = true;
  lastObj: unknown;
  lastLogger: Log | undefined;
  readonly #main: DestinationStream;
  readonly #form: Form | undefined;
  readonly #files: AccountFiles | undefined;
  /** The account of a child, which is the same for all its lines. */
  readonly #accounts = new WeakMap<Log, { readonly account: unknown }>();

  constructor(main: DestinationStream, form: Form | undefined, files: AccountFiles | undefined) {
    this.#main = main;
    this.#form = form;
    this.#files = files;
  }

  write(line: string): void {
    this.#main.write(this.#form ? this.#form(line) : line);
    const account = this.#files && this.#account();
    if (typeof account === 'string') this.#files?.write(account, line);
  }

  #account(): unknown {
    const own = (this.lastObj as { account?: unknown } | null | undefined)?.account;
    if (own !== undefined || !this.lastLogger) return own;
    const known = this.#accounts.get(this.lastLogger);
    if (known) return known.account;
    const { account } = this.lastLogger.bindings();
    this.#accounts.set(this.lastLogger, { account });
    return account;
  }
}

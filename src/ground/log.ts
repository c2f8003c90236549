/** The log: one line an event, JSON, by pino. This file owns pino. */
import { type DestinationStream, type Logger, pino } from 'pino';

/** A logger; children carry `account` and `run`. */
export type Log = Logger;

/** What may never be printed, wherever it stands in an object that is logged. */
const secretPaths = [
  'password',
  'pass',
  'secret',
  'token',
  '*.password',
  '*.pass',
  '*.secret',
  '*.token',
  '*.*.password',
];

/** A log of the given level that writes JSON lines to a file descriptor or a file, synchronously enough to survive a crash. */
export function createLog(options: { level: string; destination: string | 1 | 2 }): Log {
  const stream: DestinationStream = pino.destination({
    dest: options.destination,
    mkdir: true,
    sync: false,
    minLength: 0,
  });
  return pino({ level: options.level, base: null, redact: { paths: secretPaths, censor: '[secret]' } }, stream);
}

/** A log that drops everything, for tests and for commands that only print. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}

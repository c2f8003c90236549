/** The log for people on a terminal. Loaded only where it is wanted. This file owns pino-pretty. */
import { prettyFactory } from 'pino-pretty';
import { safeToShow } from './log-text.ts';

/**
 * What turns a JSON line of the log into one for a person: time, level, account, event, and the rest behind it. It is
 * called in this thread for each line, so that none is lost when the process dies.
 */
export function prettyLines({ colour }: { readonly colour: boolean }): (line: string) => string {
  const format = prettyFactory({
    colorize: colour,
    colorizeObjects: colour,
    singleLine: true,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss',
    ignore: 'account',
    messageFormat: (entry, messageKey) => {
      const { account, [messageKey]: event } = entry;
      return account === undefined ? String(event ?? '') : `${String(account)}: ${String(event ?? '')}`;
    },
  });
  return (line) => format(safeToShow(JSON.parse(line)));
}

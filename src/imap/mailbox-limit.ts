/** The largest message that one mailbox takes, where the server says it for each (RFC 7889). */
import type { OpenDoor } from './door.ts';
import { flowExec, textOf } from './flow-exec.ts';
import { encodeModifiedUtf7 } from './mailbox-name.ts';

/**
 * Asks for it in bytes; undefined where the mailbox has none. Throws what imapflow does: a plain error with the server's
 * answer in it.
 */
export async function askAppendLimit(
  client: OpenDoor['client'],
  path: string,
  utf8: boolean,
): Promise<number | undefined> {
  let limit: number | undefined;
  const item = { type: 'ATOM', value: 'APPENDLIMIT' } as const;
  const name = { type: 'STRING', value: utf8 ? path : encodeModifiedUtf7(path) } as const;
  await flowExec(client, 'STATUS', [name, [item]], {
    STATUS: (attributes) => {
      limit = limitIn(attributes[1]) ?? limit;
    },
  });
  return limit;
}

/** RFC 7889 §5: a number, or NIL for no limit. */
function limitIn(list: unknown): number | undefined {
  if (!Array.isArray(list)) return undefined;
  const values = list.map(textOf);
  const at = values.findIndex((value, n) => n % 2 === 0 && value.toUpperCase() === 'APPENDLIMIT');
  const value = at === -1 ? '' : (values[at + 1] ?? '');
  return /^\d{1,15}$/.test(value) && Number(value) > 0 ? Number(value) : undefined;
}

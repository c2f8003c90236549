/** The largest message that one mailbox takes, where the server says it for each (RFC 7889). */
import type { OpenDoor } from './door.ts';
import { encodeModifiedUtf7 } from './mailbox-name.ts';

/** What of imapflow is used here: its own STATUS knows no APPENDLIMIT. The tests fail when a version moves it. */
interface FlowExec {
  exec(
    command: string,
    attributes: readonly unknown[],
    options: { untagged: Record<string, (response: Untagged) => Promise<void>> },
  ): Promise<{ next(): void }>;
}

interface Untagged {
  attributes?: readonly unknown[];
}

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
  const item = { type: 'ATOM', value: 'APPENDLIMIT' };
  const name = { type: 'STRING', value: utf8 ? path : encodeModifiedUtf7(path) };
  const response = await (client as unknown as FlowExec).exec('STATUS', [name, [item]], {
    untagged: {
      STATUS: async ({ attributes }) => {
        limit = limitIn(attributes?.[1]) ?? limit;
      },
    },
  });
  response.next();
  return limit;
}

/** RFC 7889 §5: a number, or NIL for no limit. */
function limitIn(list: unknown): number | undefined {
  if (!Array.isArray(list)) return undefined;
  const values = list.map((one: { value?: unknown } | null) => String(one?.value ?? ''));
  const at = values.findIndex((value, n) => n % 2 === 0 && value.toUpperCase() === 'APPENDLIMIT');
  const value = at === -1 ? '' : (values[at + 1] ?? '');
  return /^\d{1,15}$/.test(value) && Number(value) > 0 ? Number(value) : undefined;
}

/** The witnesses of the tests: those of the demonstration, and node-pop3 for the listing. */
import Pop3Command from 'node-pop3';
import type { Login } from '../../src/demo/witness.ts';

export type { ImapMessage, Login, PopMessage } from '../../src/demo/witness.ts';
export { canonical, compareMailboxes, mailboxContents, popContents } from '../../src/demo/witness.ts';

/** What node-pop3 is told by UIDL: the unique ids, in the order of the listing. */
export async function popList(login: Login): Promise<{ count: number; uidls: string[] }> {
  const client = new Pop3Command({ ...login, host: '127.0.0.1', timeout: 30_000 });
  const rows = (await client.UIDL().finally(() => client.QUIT())) as string[][];
  const uidls = rows.map((row) => row[1]).filter((uidl): uidl is string => uidl !== undefined);
  return { count: uidls.length, uidls };
}

/** All that an iteration gives, in memory: for small mailboxes. */
export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

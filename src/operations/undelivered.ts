/** The messages of an account that did not arrive, each with its reason and what can be done about it. */
import { errorRow } from '../ground/errors.ts';
import { type RegisteredMessage, readRegistry } from '../ledger/registry.ts';
import type { Undelivered, UndeliveredMessage } from './answers/account.ts';
import { accountById } from './selection.ts';
import type { StatusContext } from './status.ts';

/** A page of them, the earliest first. Throws `account-unknown`. */
export async function listUndelivered(
  { redis, book }: Pick<StatusContext, 'redis' | 'book'>,
  id: string,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<Undelivered> {
  const { key } = await accountById(book, id);
  const all = await readRegistry(redis, key);
  return { total: all.length, messages: all.slice(offset, offset + limit).map(shown) };
}

function shown(message: RegisteredMessage): UndeliveredMessage {
  const { key, fate, code, text, reply, tries, uidl, size, date, messageId, subject, at } = message;
  const known = { key, fate, code, text, reply, tries, uidl, size, date, messageId, subject };
  return { ...known, remedy: errorRow(code).remedy, at: at > 0 ? new Date(at).toISOString() : null };
}

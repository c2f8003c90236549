/** What the report says of mail that arrived otherwise than it was sent first, and of what the server wants read. */
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import { addProblem } from '../ledger/problems.ts';
import type { BatchScope } from './batch.ts';
import type { Item, Lightened } from './items.ts';
import { noteOversized } from './pace.ts';
import { noteRenamed } from './renamed.ts';
import type { RepairedForm } from './repaired-form.ts';

/** What every notice has in common. */
export interface Told {
  readonly scope: BatchScope;
  readonly host: string;
  readonly log: Log;
  readonly batch: string;
  readonly mailbox: string;
  /** The answer that led to it. */
  readonly reply: string;
}

/** A message was taken without flags that were refused. */
export async function noteLightened({ scope, host, reply }: Told, what: Lightened): Promise<void> {
  await addProblem(scope.redis, scope.account, 'flags-refused', { host, reply, what });
}

/** A message was taken after a repair: what it was and what it is now stands in the log; the ledger has it already. */
export async function noteRepaired(
  { scope, host, log, batch, mailbox, reply }: Told,
  { message }: Item,
  { repairs, sha256 }: RepairedForm,
): Promise<void> {
  const { uidl } = message;
  log.info({ batch, mailbox, uidl, repairs, before: message.sha256, after: sha256 }, 'message repaired');
  await addProblem(scope.redis, scope.account, 'message-repaired', { host, reply, repair: repairs.join(', ') });
}

/** Shows what the server asked to be shown (RFC 3501 §7.1), the last of it. */
export async function noteAlerts(
  redis: RedisClient,
  account: string,
  host: string,
  alerts: readonly string[],
): Promise<void> {
  const reply = alerts.at(-1);
  if (reply === undefined) return;
  const told = new Set(alerts).size;
  await addProblem(redis, account, 'server-alert', { host, reply }, told);
}

/** Shows what a session that came to its end found out about mailboxes and budgets. */
export async function noteEnd(
  redis: RedisClient,
  account: string,
  host: string,
  renamed: ReadonlyMap<string, string>,
  oversized: number,
): Promise<void> {
  await noteRenamed(redis, account, host, renamed);
  await noteOversized(redis, account, host, oversized);
}

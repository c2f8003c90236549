/** Messages that are refused before they are sent, or alone after it: settled with what a person needs to know of them. */
import { type ErrorCode, MailhaulError } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import type { Batch, BatchScope } from './batch.ts';
import type { Destination, OpenMailbox } from './destination.ts';
import { describeItem, type Item, type RefusalReason, settlementOf } from './items.ts';
import { wholeQuota } from './quota.ts';

/** What a refusal is settled with. */
export interface RefusingContext {
  readonly scope: BatchScope;
  readonly settings: Settings;
  readonly destination: Destination;
  readonly host: string;
}

/** Settles what must not be sent: empty messages, and those above the limit that the server states (RFC 7889). Gives the rest. */
export async function refuseUnsendable(
  context: RefusingContext,
  batch: Batch,
  mailbox: OpenMailbox,
  items: readonly Item[],
): Promise<Item[]> {
  const { host, destination } = context;
  const limit = mailbox.appendLimit ?? Number.POSITIVE_INFINITY;
  const quota = await destination.quotas.largest(mailbox.path);
  const whole = quota < limit ? wholeQuota(quota) : limit;
  const sendable: Item[] = [];
  for (const item of items) {
    const { size } = item.message;
    if (size === 0) await refuse(context, batch, item, reasonOf('message-empty', { host }));
    else if (size > Math.min(limit, quota)) {
      await refuse(context, batch, item, reasonOf('message-too-big', { host, size, limit: whole }));
    } else sendable.push(item);
  }
  return sendable;
}

/** Settles one message as refused. */
export async function refuse(
  { scope, settings }: RefusingContext,
  batch: Batch,
  item: Item,
  reason: RefusalReason,
): Promise<void> {
  const nowhere = { mailbox: '', mailboxNumber: 0, uid: 0 };
  const about = await describeItem(item, batch.file, settings);
  await batch.settle([settlementOf(item, 'refused', scope.run, nowhere, { ...reason, about })]);
}

/** A reason of the table, with what fills its text. */
export function reasonOf(code: ErrorCode, details: Record<string, string | number>): RefusalReason {
  return { code, text: new MailhaulError(code, details).message };
}

/** Messages that a rule leaves behind: settled with a record, as if a person had signed them off. */
import { MailhaulError } from '../ground/errors.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import { acceptedJson } from '../ledger/refusals.ts';
import type { Settlement } from '../ledger/settle.ts';
import type { Batch, BatchScope } from './batch.ts';
import { type Item, settlementOf } from './items.ts';

/** Why a message is not carried. */
export interface Skip {
  /** Name of the rule. */
  readonly rule: string;
  readonly reason: string;
}

/** What a report says of skipped messages. */
export function skipError({ rule, reason }: Skip): MailhaulError {
  return new MailhaulError('message-skipped', { rule, reason });
}

/** Settles messages whose placement says that they are skipped; `at` is in milliseconds since 1970. */
export async function settleSkipped(
  scope: BatchScope,
  batch: Batch,
  items: readonly Item[],
  at: number,
): Promise<void> {
  const skipped = items.flatMap((item) => (item.placement.skip ? [{ item, skip: item.placement.skip }] : []));
  const last = skipped.at(-1);
  if (!last) return;
  // Before they are settled, where they are counted: what is noted and then not counted is not shown.
  await noteProblem(scope.redis, scope.account, problemOf(skipError(last.skip)));
  await batch.settle(skipped.map(({ item, skip }) => skipSettlement(item, skip, scope.run, at)));
}

function skipSettlement(item: Item, skip: Skip, run: number, at: number): Settlement {
  const { code, message: text } = skipError(skip);
  const nowhere = { mailbox: '', mailboxNumber: 0, uid: 0 };
  const settlement = settlementOf(item, 'accepted', run, nowhere, { code, text });
  const acceptance = { by: `rule ${skip.rule}`, reason: skip.reason, at };
  return { ...settlement, refusal: acceptedJson(acceptance, settlement.refusal) };
}

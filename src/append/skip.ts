/** Messages that a rule leaves behind: settled with a record, as if a person had signed them off. */
import { MailhaulError } from '../ground/errors.ts';
import { notedText, noteProblem, type Problem, problemOf } from '../ledger/problems.ts';
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

/** So long grows what a report says of the rules that skip. */
const textMaxChars = 600;

/** What a report says where several rules may skip: each of them once. `noted` is what it says already. */
export function skipProblem(skips: readonly Skip[], count: number, noted = ''): Problem {
  const known = noted === '' ? [] : [noted];
  for (const { message } of skips.map(skipError)) {
    const text = known.join('; ');
    if (!text.includes(message) && text.length + message.length <= textMaxChars) known.push(message);
  }
  return { ...problemOf(skipError(skips[0]!), count), text: known.join('; ') };
}

/** Settles messages whose placement says that they are skipped; `at` is in milliseconds since 1970. */
export async function settleSkipped(
  scope: BatchScope,
  batch: Batch,
  items: readonly Item[],
  at: number,
): Promise<void> {
  const skipped = items.flatMap((item) => (item.placement.skip ? [{ item, skip: item.placement.skip }] : []));
  if (skipped.length === 0) return;
  const { redis, account } = scope;
  const noted = await notedText(redis, account, 'message-skipped');
  // Before they are settled, where they are counted: what is noted and then not counted is not shown.
  const skips = skipped.map(({ skip }) => skip);
  await noteProblem(redis, account, skipProblem(skips, skips.length, noted));
  await batch.settle(skipped.map(({ item, skip }) => skipSettlement(item, skip, scope.run, at)));
}

function skipSettlement(item: Item, skip: Skip, run: number, at: number): Settlement {
  const { code, message: text } = skipError(skip);
  const nowhere = { mailbox: '', mailboxNumber: 0, uid: 0 };
  const settlement = settlementOf(item, 'accepted', run, nowhere, { code, text });
  const acceptance = { by: `rule ${skip.rule}`, reason: skip.reason, at };
  return { ...settlement, refusal: acceptedJson(acceptance, settlement.refusal) };
}

/** Messages that a rule leaves behind: settled with a record, as if a person had signed them off. */
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import { acceptedJson } from '../ledger/refusals.ts';
import type { Settlement } from '../ledger/settle.ts';
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

/** The settlement of a skipped message; `at` is in milliseconds since 1970. */
export function skipSettlement(item: Item, skip: Skip, run: number, at: number): Settlement {
  const { code, message: text } = skipError(skip);
  const nowhere = { mailbox: '', mailboxNumber: 0, uid: 0 };
  const settlement = settlementOf(item, 'accepted', run, nowhere, { code, text });
  const acceptance = { by: `rule ${skip.rule}`, reason: skip.reason, at };
  return { ...settlement, refusal: acceptedJson(acceptance, settlement.refusal) };
}

/** Has the report of the run say so; how many there are is counted where they are settled. */
export async function noteSkips(redis: RedisClient, account: string, skips: readonly Skip[]): Promise<void> {
  const last = skips.at(-1);
  if (last) await noteProblem(redis, account, problemOf(skipError(last)));
}

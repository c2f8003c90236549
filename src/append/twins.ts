/** Is this message at the destination already? The decision of design §8, pure. */
import type { IndexRecord } from '../ledger/index-shard.ts';

/** What is asked of one source message. */
export interface Question {
  readonly owner: number;
  readonly content: number;
}

/** The answer. */
export type Verdict =
  /** Nothing at the destination is like it. */
  | { readonly kind: 'append' }
  /** It was appended, and only the record of it is missing. */
  | { readonly kind: 'mine'; readonly record: IndexRecord }
  /** Content must decide; the candidates stand in the order in which they are to be compared. */
  | { readonly kind: 'compare'; readonly candidates: readonly IndexRecord[] }
  /** A message of the same fingerprint is on its way: ask again when it has arrived. */
  | { readonly kind: 'wait' };

/** Weighs the records that have the message's fingerprint. */
export function weigh(question: Question, records: readonly IndexRecord[]): Verdict {
  const mine = records.filter((record) => record.owner === question.owner && record.content === question.content);
  const settled = mine.find((record) => record.uid !== 0);
  if (settled) return { kind: 'mine', record: settled };
  const others = records.filter((record) => !mine.includes(record));
  if (others.length === 0) return { kind: 'append' };
  const free = others.filter((record) => record.owner === 0);
  if (others.some((record) => record.uid === 0)) return { kind: 'wait' };
  // Each message at the destination is the twin of one source message only: those that are nobody's come first.
  return { kind: 'compare', candidates: [...free, ...others.filter((record) => record.owner !== 0)] };
}

/** Is this message at the destination already? The decision of design §8, and of the other policies; pure. */
import type { Settings } from '../ground/settings.ts';
import type { IndexRecord } from '../ledger/index-shard.ts';

/** What decides about twins. */
export type Dedupe = Settings['dedupe'];

/** What is asked of one source message. */
export interface Question {
  readonly owner: number;
  readonly content: number;
  readonly hasMessageId: boolean;
  /** Where an APPEND of it was sent and not answered: its lowest possible UID there. */
  readonly doubtFrom: number | undefined;
}

/** The answer. */
export type Verdict =
  /** Nothing at the destination is like it. */
  | { readonly kind: 'append' }
  /** It was appended, and only the record of it is missing. */
  | { readonly kind: 'mine'; readonly record: IndexRecord }
  /** It is there, and its content need not be asked. */
  | { readonly kind: 'twin'; readonly record: IndexRecord }
  /** Content must decide; the candidates stand in the order in which they are to be compared. */
  | { readonly kind: 'compare'; readonly candidates: readonly IndexRecord[] }
  /** A message of the same fingerprint is on its way: ask again when it has arrived. */
  | { readonly kind: 'wait' };

/** Weighs the records that have the message's fingerprint. */
export function weigh(question: Question, records: readonly IndexRecord[], dedupe: Dedupe): Verdict {
  const mine = records.filter((record) => record.owner === question.owner && record.content === question.content);
  const settled = mine.find((record) => record.uid !== 0);
  if (settled) return { kind: 'mine', record: settled };
  const others = records.filter((record) => !mine.includes(record));
  const own = others.filter((record) => mayBeOurs(question, record));
  if (dedupe === 'off') return own.length > 0 ? { kind: 'compare', candidates: own } : { kind: 'append' };
  if (others.length === 0) return { kind: 'append' };
  const free = others.filter((record) => record.owner === 0);
  if (others.some((record) => record.uid === 0)) return { kind: 'wait' };
  // Each message at the destination is the twin of one source message only: those that are nobody's come first.
  const candidates = [...free, ...others.filter((record) => record.owner !== 0)];
  if (dedupe !== 'message-id' || !question.hasMessageId) return { kind: 'compare', candidates };
  return { kind: 'twin', record: own[0] ?? candidates[0]! };
}

/** True for a message that our own APPEND may have stored: it was sent, and its answer was lost. */
export function mayBeOurs({ doubtFrom }: Question, { owner, uid }: IndexRecord): boolean {
  return doubtFrom !== undefined && owner === 0 && uid >= doubtFrom;
}

/** One refused message on its way to another try, or to its end. */
import type { RefusalVerdict } from '../imap/classify-append.ts';
import type { Batch } from './batch.ts';
import type { OpenMailbox } from './destination.ts';
import type { Item } from './items.ts';
import type { RefusedAnswer } from './refused-text.ts';

/** A command that was refused for what is in it. */
export interface RefusedCommand {
  readonly batch: Batch;
  readonly mailbox: OpenMailbox;
  readonly items: readonly Item[];
  readonly answer: RefusedAnswer;
  readonly verdict: RefusalVerdict;
}

/** One refused message, and what is known of its tries. */
export interface Attempt extends Omit<RefusedCommand, 'items'> {
  readonly item: Item;
  /** How often it was sent and refused. */
  readonly tries: number;
  /** How many of `refusalWaitsMs` it has had. */
  readonly waits: number;
  /** How many messages the session had stored when it was refused first. */
  readonly storedBefore: number;
  readonly dueAt: number;
  /** It is only looked for once more. */
  readonly last: boolean;
}

/** Attempts by what they have in common, in their order. */
export function grouped<K>(attempts: readonly Attempt[], keyOf: (attempt: Attempt) => K): Map<K, Attempt[]> {
  const groups = new Map<K, Attempt[]>();
  for (const attempt of attempts) groups.set(keyOf(attempt), [...(groups.get(keyOf(attempt)) ?? []), attempt]);
  return groups;
}

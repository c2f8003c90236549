/** Of which messages the content is compared: none but the doubtful, all, or a random sample that can be drawn again. */
import { createCipheriv } from 'node:crypto';
import { digest } from '../ground/digest.ts';
import type { Expected } from './expected.ts';

/** How many messages of each account a sample has; `percent` is above 0 and at most 100. */
export type SampleSize = { readonly messages: number } | { readonly percent: number };

/** A sample to be drawn. */
export interface Sample {
  readonly size: SampleSize;
  /** The same seed chooses the same among the same messages. */
  readonly seed: number;
}

/** Of which messages the content is compared; in each case also where headers leave a doubt. */
export type Depth = 'doubts' | 'all' | Sample;

const rankBytes = 6;

/** How many messages a sample of `size` has where `of` can be chosen. */
export function sampleCount(size: SampleSize, of: number): number {
  const count = 'messages' in size ? size.messages : Math.max(1, Math.round((of * size.percent) / 100));
  return Math.min(count, of);
}

/**
 * Where messages come in the order in which samples are drawn: numbers below 2⁴⁸, as good as random to who does not know
 * the seed. A rank hangs on seed, account and key alone, so mail that came since, or a ledger written in another order,
 * leaves the rest of a sample as it was.
 */
export function drawRanks(seed: number, account: string): (key: Buffer) => number {
  // One block for each key: the cipher is a keyed permutation here and hides nothing; a digest takes ten times as long.
  const cipher = createCipheriv('aes-256-ecb', digest(32, 'sample', String(seed), account), null);
  const block = Buffer.alloc(16);
  return (key) => {
    key.copy(block);
    return cipher.update(block).readUIntBE(0, rankBytes);
  };
}

/** The places of the `count` lowest ranks, ascending, exactly as many: of equal ranks at the end the first are taken. */
export function* drawSample(ranks: Float64Array, count: number): Generator<number> {
  const last = ranks.slice().sort()[count - 1] ?? -1;
  let ties = count;
  for (const rank of ranks) if (rank < last) ties -= 1;
  for (const [place, rank] of ranks.entries()) {
    if (rank < last) yield place;
    else if (rank === last && ties > 0) {
      ties -= 1;
      yield place;
    }
  }
}

/**
 * Marks the messages whose content is to be compared; call when all listed messages have their keys. Returns among how
 * many a sample is chosen: those that were delivered, and of which source or ledger have something to compare with.
 */
export function markDeep(expected: Expected, depth: Depth, account: string): number {
  let comparable = 0;
  const rank = typeof depth === 'object' ? drawRanks(depth.seed, account) : undefined;
  // 8 bytes a message, and twice that for a moment: a million take no more than their names do.
  const ranks = new Float64Array(rank ? expected.size : 0).fill(Number.POSITIVE_INFINITY);
  for (let n = 0; n < expected.size; n += 1) {
    if (depth === 'all') expected.setDeep(n);
    if (!isComparable(expected, n)) continue;
    comparable += 1;
    if (rank) ranks[n] = rank(expected.key(n));
  }
  if (typeof depth === 'object') {
    for (const n of drawSample(ranks, sampleCount(depth.size, comparable))) expected.setDeep(n);
  }
  return comparable;
}

function isComparable(expected: Expected, n: number): boolean {
  const record = expected.record(n);
  if (record?.outcome !== 'appended' && record?.outcome !== 'duplicate') return false;
  return expected.isListed(n) || record.content.some((byte) => byte !== 0);
}

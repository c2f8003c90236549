/** The little arithmetic that the tables rest on. */

/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The median of the ratios of pairs that ran one after the other. What has no partner is compared with the median of
 * the other side; undefined when a side is empty.
 */
export function pairRatio(measured: readonly number[], base: readonly number[]): number | undefined {
  if (measured.length === 0 || base.length === 0) return undefined;
  if (measured.length !== base.length) return median(measured) / median(base);
  return median(measured.map((value, index) => value / base[index]!));
}

/** The sum of one number of each item. */
export function sumOf<Item>(items: readonly Item[], pick: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + pick(item), 0);
}

/** Which known name a person probably meant. */

/**
 * How many single letters must be inserted, deleted, replaced or swapped with their neighbour to make `b` of `a`
 * (optimal string alignment), or `limit + 1` as soon as it is certain to be more than `limit`.
 */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const here = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let best = Math.min(above[column]! + 1, here[column - 1]! + 1, above[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) best = Math.min(best, before[column - 2]! + 1);
      here.push(best);
    }
    before = above;
    above = here;
  }
  return Math.min(above[b.length]!, limit + 1);
}

/** The known name closest to `name`, or undefined where none is close enough to be what was meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const limit = Math.max(2, Math.floor(name.length / 3));
  // An unknown name may be of any length: comparing it with its first letters only keeps the work bounded.
  const wanted = name.slice(0, 100).toLowerCase();
  let found: string | undefined;
  let distance = limit + 1;
  for (const candidate of known) {
    const next = editDistance(wanted, candidate.toLowerCase(), limit);
    if (next < distance) [found, distance] = [candidate, next];
  }
  return found;
}

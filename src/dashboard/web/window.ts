/** Which rows of a long list are seen, and where a key leads: arithmetic, so that ten thousand rows cost as much as thirty. */

/** Rows that are drawn: `first` until before `end`. */
export interface Range {
  readonly first: number;
  readonly end: number;
}

/** The rows that a view shows, and `beyond` more on either side. Heights in pixels. */
export function seenRows(top: number, viewHeight: number, rowHeight: number, total: number, beyond: number): Range {
  // A list that became shorter is seen from its end until the browser has scrolled back.
  const at = Math.max(0, Math.min(top, total * rowHeight - viewHeight));
  const first = Math.max(0, Math.floor(at / rowHeight) - beyond);
  const end = Math.min(total, Math.ceil((at + viewHeight) / rowHeight) + beyond);
  return { first, end };
}

/** Where the list must be scrolled to so that a row is seen whole; as far as needed and no further. */
export function scrollToSee(index: number, top: number, viewHeight: number, rowHeight: number): number {
  const [above, below] = [index * rowHeight, (index + 1) * rowHeight - viewHeight];
  if (top > above) return above;
  return Math.max(top, below);
}

/** The row that a key leads to from `index`; undefined for a key that leads nowhere. */
export function rowByKey(key: string, index: number, total: number, perPage: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: perPage,
    PageUp: -perPage,
    Home: -total,
    End: total,
  };
  const step = steps[key];
  if (step === undefined || total === 0) return undefined;
  return Math.max(0, Math.min(total - 1, index + step));
}

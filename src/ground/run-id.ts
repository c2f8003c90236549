/** Ids of runs: sorted by time, unique without asking anybody. */
import { randomBytes } from 'node:crypto';

/** The id of a run that begins at `now` (milliseconds since 1970), such as `20261204T203000Z-1f2e3d`. */
export function newRunId(now: number): string {
  const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  return `${stamp}-${randomBytes(3).toString('hex')}`;
}

/** Windows: the parts of the week in which runs may be under way. */
import type { Window } from '../ground/settings-schedules.ts';
import { instantOf, wallClock } from './zone.ts';

/** Whether runs may be under way now, and when that changes: milliseconds since 1970, Infinity for never. */
export interface WindowState {
  readonly open: boolean;
  readonly changesAt: number;
}

const dayMs = 86_400_000;
const always: WindowState = { open: true, changesAt: Number.POSITIVE_INFINITY };

/** What was found for windows holds until they change; to look at clocks for each account at each tick is dear. */
const found = new WeakMap<readonly Window[], { zone: string; from: number; state: WindowState }>();

/**
 * How windows stand at `now`; no window at all is always open. A window begins when the clock of the zone first shows
 * its beginning and ends when it next shows its end, whether the clock is changed between them or not.
 */
export function windowsAt(windows: readonly Window[], zone: string, now: number): WindowState {
  if (windows.length === 0) return always;
  const known = found.get(windows);
  if (known && known.zone === zone && known.from <= now && now < known.state.changesAt) return known.state;
  const state = look(windows, zone, now);
  found.set(windows, { zone, from: now, state });
  return state;
}

function look(windows: readonly Window[], zone: string, now: number): WindowState {
  const today = Math.floor(wallClock(now, zone) / dayMs) * dayMs;
  const spans: [from: number, to: number][] = [];
  for (let ahead = -2; ahead <= 8; ahead += 1) {
    const date = new Date(today + ahead * dayMs);
    const day = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()] as const;
    for (const { days, from, to } of windows) {
      if (!days.includes(date.getUTCDay())) continue;
      const [begins, ends] = [instantOf(day, from, zone), instantOf(day, to, zone)];
      // One that lies within what the clock leaves out in spring does not take place.
      if (ends > begins) spans.push([begins, ends]);
    }
  }
  spans.sort(([a], [b]) => a - b);
  let until = Number.NEGATIVE_INFINITY;
  for (const [from, to] of spans) {
    if (from > Math.max(now, until)) return until > now ? openUntil(until, now) : { open: false, changesAt: from };
    until = Math.max(until, to);
  }
  return until > now ? openUntil(until, now) : { open: false, changesAt: now + dayMs };
}

/** Windows that join each other have no end in sight: nobody needs to look again within a week. */
function openUntil(until: number, now: number): WindowState {
  return { open: true, changesAt: until > now + 7 * dayMs ? Number.POSITIVE_INFINITY : until };
}

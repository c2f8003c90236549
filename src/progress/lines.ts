/** Progress as lines of text: pure, the same for a terminal and for a log. */
import { printable } from '../ground/errors.ts';
import { type Rate, secondsLeft } from './rate.ts';
import type { AccountProgress } from './tally.ts';

const idWidth = 28;

/** One line for one account, or for the total. */
export function progressLine(progress: AccountProgress, rate: Rate): string {
  const { id, listed, settled, bytesAppended, hasListing, reason, state } = progress;
  const name = printable(id, idWidth - 1).padEnd(idWidth);
  if (reason !== '') return `${name}  waiting: ${printable(reason, 90)}`;
  if (state === 'queued') return `${name}  queued`;
  if (!hasListing && listed === 0) return `${name}  listing …`;
  const share = listed > 0 ? Math.floor((100 * settled) / listed) : 100;
  const counts = `${settled}/${listed}`.padStart(13);
  const speed = `${rate.messages.toFixed(0)} msg/s ${(rate.bytes / 1e6).toFixed(1)} MB/s`;
  // No time left before the listing is known: there would be nothing to count towards.
  const left = hasListing ? secondsLeft(listed - settled, rate.messages) : undefined;
  const eta = left === undefined || listed === settled ? '' : `  ETA ${duration(left)}`;
  return `${name}${counts}  ${String(share).padStart(3)} %  ${(bytesAppended / 1e6).toFixed(1).padStart(8)} MB  ${speed}${eta}`;
}

/** A span of time as people say it: 42 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

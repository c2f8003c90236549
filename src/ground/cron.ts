/** Cron patterns: whether one is right, and when it is next due. The only place that knows croner. */
import { Cron } from 'croner';

const jobs = new Map<string, Cron>();
const jobsMax = 10_000;

/** What is wrong with a pattern of five fields; undefined when it is right and comes up at all. */
export function cronFault(pattern: string): string | undefined {
  try {
    const next = jobOf(pattern, 'UTC').nextRun();
    return next === null ? 'no day of the calendar matches it' : undefined;
  } catch (error) {
    return (error as Error).message.replace(/^CronPattern: /, '');
  }
}

/**
 * The first time after `afterMs` (milliseconds since 1970) at which the pattern is due by the clock of the zone; Infinity
 * when there is none. A time of day that the clock leaves out in spring comes when the clock goes on, one that it shows
 * twice in autumn comes once. Throws for a pattern in which `cronFault` finds a fault.
 */
export function nextCron(pattern: string, zone: string, afterMs: number): number {
  return jobOf(pattern, zone).nextRun(new Date(afterMs))?.getTime() ?? Number.POSITIVE_INFINITY;
}

/** Reading a pattern costs more than asking it. */
function jobOf(pattern: string, zone: string): Cron {
  const name = `${zone} ${pattern}`;
  const known = jobs.get(name);
  if (known) return known;
  const job = new Cron(pattern, { timezone: zone, mode: '5-part', fixedTimeRule: 'no-wildcard', paused: true });
  if (jobs.size >= jobsMax) jobs.clear();
  jobs.set(name, job);
  return job;
}

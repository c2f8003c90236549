/** Everything that the metrics tell, read at once. Hosts and outcomes appear in it, accounts never. */
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { type Present, presentProcesses, sessionFailures } from '../limits/roll-call.ts';
import type { QueueDepth, Queues, SessionKind } from '../schedule/queues.ts';
import type { Census, Counted } from './census.ts';
import { lastLook, working } from './health.ts';

/** What was read. */
export interface Measured {
  readonly counted: Counted;
  readonly processes: readonly Present[];
  readonly queues: Readonly<Record<SessionKind, QueueDepth>>;
  readonly failures: readonly { readonly code: string; readonly host: string; readonly count: number }[];
  /** Bytes in all spools that somebody serves. */
  readonly spoolBytes: number;
  /** The most that they may hold. */
  readonly spoolLimitBytes: number;
  /** When a scheduler last looked what is due; milliseconds since 1970, 0 where there is none. */
  readonly lookedAt: number;
  /** Whether all is there that /readyz asks for. */
  readonly ready: boolean;
}

/** What measuring works with. */
export interface MeasureContext {
  readonly redis: RedisClient;
  readonly queues: Pick<Queues, 'depth'>;
  readonly census: Census;
  readonly settings: Pick<Settings, 'metricsMs' | 'schedulerLateMs'>;
}

/** Measures. Throws what Redis throws. */
export async function measure({ redis, queues, census, settings }: MeasureContext, now: number): Promise<Measured> {
  const processes = await presentProcesses(redis, now);
  const bytes = spoolSizes(processes);
  const [counted, failures, download, ...appends] = await Promise.all([
    census.counted(settings.metricsMs),
    sessionFailures(redis),
    queues.depth('download', ''),
    ...[...bytes.keys()].map((spool) => queues.depth('append', spool)),
  ]);
  const append = appends.reduce(add, { active: 0, waiting: 0, delayed: 0 });
  const spoolBytes = sumOf(bytes);
  // A process of an earlier version does not say.
  const limits = processes.map(({ spool, spoolLimitBytes = 0 }) => ({ spool, spoolBytes: spoolLimitBytes }));
  const spoolLimitBytes = sumOf(spoolSizes(limits));
  const ready = Object.values(working(processes, settings, now)).every(Boolean);
  const lookedAt = lastLook(processes);
  return { counted, processes, queues: { download, append }, failures, spoolBytes, spoolLimitBytes, lookedAt, ready };
}

/** Bytes in each spool that somebody serves, by its id: of the processes that share one, the one that knows of most. */
export function spoolSizes(processes: readonly Pick<Present, 'spool' | 'spoolBytes'>[]): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const { spool, spoolBytes } of processes) {
    if (spool !== '') bytes.set(spool, Math.max(spoolBytes, bytes.get(spool) ?? 0));
  }
  return bytes;
}

function sumOf(bytes: ReadonlyMap<string, number>): number {
  return [...bytes.values()].reduce((sum, one) => sum + one, 0);
}

function add(a: QueueDepth, b: QueueDepth): QueueDepth {
  return { active: a.active + b.active, waiting: a.waiting + b.waiting, delayed: a.delayed + b.delayed };
}

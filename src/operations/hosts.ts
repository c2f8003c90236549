/** The hosts that accounts talk to: how busy each is, what it is allowed, who waits for it, and what it gave and took. */
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { budgetOf } from '../limits/budgets.ts';
import { sessionFailures } from '../limits/roll-call.ts';
import { readHostUsage } from '../limits/usage.ts';
import type { HostStatus } from './answers/overview.ts';
import type { Board } from './board.ts';
import type { BoardEntry } from './board-memory.ts';
import type { StatusContext } from './status.ts';

/** Accounts whose waits are read in one round trip. */
const waitsAtOnce = 500;

/** What it works with. */
export interface HostsContext extends Pick<StatusContext, 'redis' | 'clock' | 'readWaits'> {
  readonly board: Pick<Board, 'entries' | 'counted'>;
  readonly settings: Pick<Settings, 'eventsMs' | 'budgets' | 'adaptiveRaiseMs' | 'adaptiveSlowFactor'>;
}

interface Waiting {
  waits: number;
  nextAt: number;
}

/** The hosts, read once for all who ask: with thousands of accounts that is work for a moment. */
export class SharedHosts {
  readonly #context: HostsContext;
  #found: { readonly from: number; readonly hosts: Promise<HostStatus[]> } | undefined;
  #isReading = false;

  constructor(context: HostsContext) {
    this.#context = context;
  }

  /** All hosts, at most `eventsMs` old when they were begun to be read. Throws what Redis throws. */
  list(): Promise<HostStatus[]> {
    const now = performance.now();
    const known = this.#found;
    if (known && (this.#isReading || now - known.from <= this.#context.settings.eventsMs)) return known.hosts;
    this.#isReading = true;
    const hosts = listHosts(this.#context).finally(() => {
      this.#isReading = false;
    });
    this.#found = { from: now, hosts };
    hosts.catch(() => {
      this.#found = undefined;
    });
    return hosts;
  }
}

/** All hosts of the book, the busiest first. Throws what Redis throws. */
async function listHosts(context: HostsContext): Promise<HostStatus[]> {
  const { redis, board, settings, clock } = context;
  const now = clock.now();
  const entries = await board.entries(settings.eventsMs);
  const places = placesOf(entries);
  const [usage, failures, { hosts: totals }, waiting] = await Promise.all([
    readHostUsage(redis, settings, [...places.keys()], now),
    failuresByHost(redis),
    board.counted(settings.eventsMs),
    waitingAt(context, entries, now),
  ]);
  const found = usage.map(({ waitingUntil, ...one }): HostStatus => {
    const { host } = one;
    const { waits = 0, nextAt = 0 } = waiting.get(host) ?? {};
    const { appended = 0, downloaded = 0, uploaded = 0 } = totals.get(host) ?? {};
    return {
      ...one,
      ...places.get(host)!,
      waitingUntil: iso(waitingUntil),
      waits,
      nextAt: iso(nextAt),
      budget: { ...budgetOf(settings, host) },
      appended,
      downloadedBytes: downloaded,
      uploadedBytes: uploaded,
      failures: failures.get(host) ?? {},
    };
  });
  return found.sort(busiestFirst);
}

/** How many accounts have each host as source and as destination. */
function placesOf(entries: readonly BoardEntry[]): Map<string, Pick<HostStatus, 'sources' | 'destinations'>> {
  const places = new Map<string, { sources: number; destinations: number }>();
  const placeOf = (host: string) => {
    const place = places.get(host) ?? { sources: 0, destinations: 0 };
    places.set(host, place);
    return place;
  };
  for (const { account } of entries) {
    placeOf(account.source.host).sources += 1;
    placeOf(account.destination.host).destinations += 1;
  }
  return places;
}

/** Only accounts whose run has not come to its end without a fault can have noted a wait. */
async function waitingAt(context: HostsContext, entries: readonly BoardEntry[], now: number) {
  const asked = entries.filter(({ standing }) => standing.run && standing.run.state !== 'complete');
  const waiting = new Map<string, Waiting>();
  for (let at = 0; at < asked.length; at += waitsAtOnce) {
    const part = asked.slice(at, at + waitsAtOnce);
    const waits = await context.readWaits(
      part.map(({ account }) => account.key),
      now,
    );
    for (const { account } of part) {
      for (const { side, untilMs } of waits.get(account.key) ?? []) {
        const { waits: count, nextAt } = waiting.get(account[side].host) ?? { waits: 0, nextAt: untilMs };
        waiting.set(account[side].host, { waits: count + 1, nextAt: Math.min(nextAt, untilMs) });
      }
    }
  }
  return waiting;
}

async function failuresByHost(redis: RedisClient): Promise<Map<string, Record<string, number>>> {
  const byHost = new Map<string, Record<string, number>>();
  for (const { host, code, count } of await sessionFailures(redis)) {
    byHost.set(host, { ...byHost.get(host), [code]: count });
  }
  return byHost;
}

function busiestFirst(a: HostStatus, b: HostStatus): number {
  const size = ({ sources, destinations }: HostStatus) => sources + destinations;
  return b.connections - a.connections || b.waiting - a.waiting || size(b) - size(a) || (a.host < b.host ? -1 : 1);
}

function iso(ms: number): string | null {
  return ms > 0 ? new Date(ms).toISOString() : null;
}

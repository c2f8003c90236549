/** How soon the table of the dashboard answers, and what its events cost, by 20 viewers and by none. */
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type DashboardWorld, idOf } from './dashboard-world.ts';
import { median } from './statistics.ts';

/** Viewers of the event stream, and runs that get further in each second. */
export const viewers = 20;
const progressing = 200;

/** How soon one kind of answer came, in milliseconds. */
export interface Latency {
  what: string;
  medianMs: number;
  worstMs: number;
}

/** Shares of one core, in per cent, of the whole process with the dashboard. */
export interface EventCost {
  idleAlone: number;
  idleViewed: number;
  haulAlone: number;
  haulViewed: number;
}

/** What was measured. */
export interface BoardFigures {
  /** The first answer after the start, and after a time in which nobody looked and 3,000 accounts rang; then others. */
  latencies: Latency[];
  events: EventCost;
  /** Events and bytes that each viewer got in a second of the haul. */
  eventsPerSecond: number;
  bytesPerSecond: number;
}

/** How often and how long is measured. */
export interface BoardPlan {
  readonly requests: number;
  /** Of each of the four shares. */
  readonly lookMs: number;
  /** What goes on in the background after a start is over by then. */
  readonly settleMs: number;
}

/** The queries that are timed, each with what its answer holds. */
function queries(accounts: number): readonly (readonly [what: string, query: string, holds: string])[] {
  return [
    ['a page in the order of ids', '', idOf(0)],
    ['a far page', `?offset=${accounts - 100}`, idOf(accounts - 1)],
    ['three words searched', '?search=user00%20wave-7%20pop7', 'wave-7'],
    ['sorted by what is listed', '?sort=listed&order=desc', 'rows'],
    ['sorted by end, a far page', `?sort=finishedAt&offset=${accounts - 200}`, 'rows'],
    ['who needs a person', '?needsPerson=true&sort=group', 'refuses'],
    ['1,000 rows', '?limit=1000&sort=bytesAppended', 'rows'],
  ];
}

/** Measures; the world has just been opened. */
export async function measureBoard(world: DashboardWorld, plan: BoardPlan): Promise<BoardFigures> {
  const { service, accounts } = world;
  const latencies: Latency[] = [];
  const first = async (what: string) => {
    const took = await service.get('/api/table', idOf(0));
    latencies.push({ what, medianMs: took, worstMs: took });
  };
  await first('the first after the start');
  await pause(plan.settleMs);
  await world.ring(3000);
  await pause(2000);
  await first('the first after 3,000 accounts rang unseen');
  const haul = Haul.begin(world);
  for (const [what, query, holds] of queries(accounts)) {
    latencies.push({ what, ...(await many(plan.requests, () => service.get(`/api/table${query}`, holds))) });
  }
  const haulAlone = await shareOf(world, plan.lookMs);
  const watching = await Promise.all(Array.from({ length: viewers }, () => Viewer.open(world)));
  const before = watching[0]!.got;
  const haulViewed = await shareOf(world, plan.lookMs);
  const { events, bytes } = watching[0]!.got;
  latencies.push({
    what: 'sorted by what is appended, while 20 watch',
    ...(await many(plan.requests, () => service.get('/api/table?sort=bytesAppended&order=desc', 'rows'))),
  });
  await haul.end();
  const idleViewed = await shareOf(world, plan.lookMs);
  for (const viewer of watching) viewer.close();
  const idleAlone = await shareOf(world, plan.lookMs);
  const perSecond = (count: number) => count / (plan.lookMs / 1000);
  return {
    latencies,
    events: { idleAlone, idleViewed, haulAlone, haulViewed },
    eventsPerSecond: perSecond(events - before.events),
    bytesPerSecond: perSecond(bytes - before.bytes),
  };
}

async function many(count: number, ask: () => Promise<number>): Promise<Pick<Latency, 'medianMs' | 'worstMs'>> {
  const took: number[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    took.push(await ask());
    // Not all within one second: rows and orders change between them.
    await pause(50);
  }
  return { medianMs: median(took), worstMs: Math.max(...took) };
}

/** The share of one core that the service takes in a time, in per cent. */
async function shareOf({ service }: DashboardWorld, lookMs: number): Promise<number> {
  await pause(1500);
  const [began, before] = [performance.now(), service.cpuSeconds()];
  await pause(lookMs);
  return ((service.cpuSeconds() - before) / ((performance.now() - began) / 1000)) * 100;
}

/** Runs that get further once a second. */
class Haul {
  readonly #ended = new AbortController();
  #work: Promise<void> = Promise.resolve();

  static begin(world: DashboardWorld): Haul {
    const haul = new Haul();
    haul.#work = haul.#go(world);
    return haul;
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.#work;
  }

  async #go(world: DashboardWorld): Promise<void> {
    while (!this.#ended.signal.aborted) {
      await world.progress(progressing);
      await pause(1000, undefined, { signal: this.#ended.signal }).catch(() => {});
    }
  }
}

/** One who watches the events. */
class Viewer {
  #events = 0;
  #bytes = 0;
  #close = () => {};

  /** Resolves when the first event has come. */
  static open({ url, token }: DashboardWorld): Promise<Viewer> {
    const viewer = new Viewer();
    return new Promise((resolve, reject) => {
      const sent = request(new URL('/api/events', url), {
        headers: { authorization: `Bearer ${token}` },
        agent: false,
      });
      viewer.#close = () => sent.destroy();
      sent.once('response', (response) => {
        if (response.statusCode !== 200) reject(new Error(`/api/events answered ${response.statusCode}`));
        response.on('data', (chunk: Buffer) => {
          viewer.#bytes += chunk.length;
          // An event ends with an empty line, and JSON has none.
          for (let at = chunk.indexOf('\n\n'); at !== -1; at = chunk.indexOf('\n\n', at + 2)) viewer.#events += 1;
          if (viewer.#events > 1) resolve(viewer);
        });
        response.once('error', () => {});
      });
      sent.once('error', reject);
      sent.end();
    });
  }

  get got(): { events: number; bytes: number } {
    return { events: this.#events, bytes: this.#bytes };
  }

  close(): void {
    this.#close();
  }
}

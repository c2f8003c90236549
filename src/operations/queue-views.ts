/** The queues, to look at: of downloads, of the plan, and of the appends of every spool that this process heard of. */
import type { RedisClient } from '../ground/redis.ts';
import { presentProcesses } from '../limits/roll-call.ts';
import type { Queues, QueueView } from '../schedule/queues.ts';
import { planQueue } from '../schedule/trigger.ts';

/** What looking works with. */
export interface QueueViewsContext {
  readonly redis: RedisClient;
  readonly queues: Pick<Queues, 'view'>;
}

/** Knows the queues, and learns of new spools when asked. */
export class QueueViews {
  readonly #context: QueueViewsContext;
  /** A spool whose process is gone may still have jobs: it stays, as long as this process does. */
  readonly #spools = new Set<string>();

  constructor(context: QueueViewsContext) {
    this.#context = context;
  }

  /** All of them at `now` (milliseconds since 1970). Throws what Redis throws. */
  async all(now: number): Promise<QueueView[]> {
    const { redis, queues } = this.#context;
    for (const { spool } of await presentProcesses(redis, now)) if (spool !== '') this.#spools.add(spool);
    const appends = [...this.#spools].sort().map((spool) => queues.view('append', spool));
    return [queues.view('download', ''), ...appends, queues.view(planQueue, '')];
  }
}

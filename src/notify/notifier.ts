/** The notifier: tells all targets what stands in the outbox. One process at a time does, the one that holds its lease. */
import { globalKeys } from '../ground/keys.ts';
import type { Settings } from '../ground/settings.ts';
import { Lease } from '../limits/lease.ts';
import { Delivery, type DeliveryContext, type Looked } from './delivery.ts';
import type { Outbox } from './outbox.ts';
import { beginProgress, keepTargets } from './progress.ts';
import { type SenderContext, senderOf } from './senders.ts';

/** What the notifier works with. */
export interface NotifierContext extends Omit<DeliveryContext, 'confirm'>, SenderContext {
  readonly settings: Settings;
}

/** Who knows which runs are open: the scheduler of this process. */
export interface OpenRuns {
  /** True while it is the one that works. */
  readonly leads: boolean;
  /** Groups with a run that is open or due; undefined while that is not known. */
  groupsAtWork(): ReadonlySet<string> | undefined;
}

/** The notifier of a process. */
export class Notifier {
  readonly #context: NotifierContext;
  readonly #deliveries: readonly Delivery[];
  readonly #working = new Map<string, Promise<Looked>>();
  #lease: Lease | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(context: NotifierContext) {
    this.#context = context;
    const confirm = async () => {
      if (!this.#lease) throw new Error('another process notifies by now');
      await this.#lease.confirm();
    };
    this.#deliveries = Object.entries(context.settings.notifications).map(
      ([name, target]) => new Delivery(name, target, senderOf(name, target, context), { ...context, confirm }),
    );
  }

  /** Notes where the targets begin that were never told anything: at what happens from now on. Throws what Redis throws. */
  async register(): Promise<void> {
    const { redis, outbox } = this.#context;
    const newest = await outbox.newest();
    const progress = { last: newest?.id ?? '0-0', number: newest?.number ?? 0, missed: 0 };
    for (const { name } of this.#deliveries) await beginProgress(redis, name, progress);
  }

  /** Looks every `notifyPollMs`, as long as the scheduler of this process is the one that works. */
  begin(runs: OpenRuns): void {
    const { settings, log } = this.#context;
    const look = () => {
      this.#looking = this.#look(runs)
        .catch((error: Error) => log.warn({ reason: error.message }, 'notifications'))
        .then(() => {
          if (!this.#closed) this.#timer = setTimeout(look, settings.notifyPollMs).unref();
        });
    };
    this.#timer = setTimeout(look, settings.notifyPollMs).unref();
  }

  /**
   * Tells everything that happened by now, for the end of a command. Returns at `untilMs` (milliseconds since 1970), or
   * before, when no further try would come by then. Never throws.
   */
  async tellAll(untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock, settings, log } = this.#context;
    try {
      while (!signal.aborted && !(await this.#lead())) await clock.wait(settings.notifyPollMs, signal);
      await Promise.all(this.#deliveries.map((delivery) => this.#tell(delivery, untilMs, signal)));
    } catch (error) {
      if (!signal.aborted) log.warn({ reason: (error as Error).message }, 'notifications');
    }
  }

  /** Ends with the deliveries that are under way; the signal of the context cuts them short. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.allSettled(this.#working.values());
    await this.#lease?.release();
    this.#lease = undefined;
  }

  async #tell(delivery: Delivery, untilMs: number, signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#context;
    // Who ends looks once whatever was tried before: the next process may come much later.
    for (let now = true; !signal.aborted; now = false) {
      const looked = await delivery.look({ all: true, now });
      if (looked === 'idle') return;
      if (looked === 'told') continue;
      if (looked.nextAt >= untilMs) return;
      await clock.wait(Math.min(settings.notifyPollMs, Math.max(1, looked.nextAt - clock.now())), signal);
    }
  }

  /** One look, with the deliveries that it begins. Throws what Redis throws. */
  async look(runs: OpenRuns): Promise<void> {
    await this.#look(runs);
    await Promise.all(this.#working.values());
  }

  async #look(runs: OpenRuns): Promise<void> {
    if (!runs.leads) {
      await this.#lease?.release();
      this.#lease = undefined;
      return;
    }
    if (!(await this.#lead())) return;
    await tellFinished(this.#context.outbox, runs, this.#context.clock.now());
    for (const delivery of this.#deliveries) this.#work(delivery);
  }

  /** A target that takes its time keeps no other waiting. */
  #work(delivery: Delivery): void {
    const { name } = delivery;
    if (this.#working.has(name)) return;
    const work = delivery.look().catch((error: Error): Looked => {
      if (!this.#closed) this.#context.log.warn({ target: name, reason: error.message }, 'notifications');
      return 'idle';
    });
    this.#working.set(name, work);
    void work.then(async (looked) => {
      this.#working.delete(name);
      if (looked === 'told') await this.#trim().catch(() => {});
    });
  }

  /** What all targets have been told takes no room. */
  async #trim(): Promise<void> {
    const { redis, outbox } = this.#context;
    const all = await keepTargets(
      redis,
      this.#deliveries.map(({ name }) => name),
    );
    const [first] = all.map(({ last }) => last).sort(byTime);
    if (first) await outbox.trim(first);
  }

  async #lead(): Promise<boolean> {
    if (this.#lease && !this.#lease.lost.aborted) return true;
    await this.#lease?.release();
    const { redis, settings } = this.#context;
    this.#lease = await Lease.take(redis, globalKeys.notifier, settings.leaseMs);
    return this.#lease !== undefined;
  }
}

/** Writes that runs have finished, of groups and of all, where none is open or due any more. */
export async function tellFinished(outbox: Outbox, runs: Pick<OpenRuns, 'groupsAtWork'>, now: number): Promise<void> {
  const { groups, any } = await outbox.unfinished();
  const atWork = any || groups.size > 0 ? runs.groupsAtWork() : undefined;
  if (!atWork) return;
  const within = any && atWork.size === 0;
  for (const group of groups) {
    if (!atWork.has(group)) await outbox.finished({ what: 'finished', at: now, group, within });
  }
  if (within) await outbox.finished({ what: 'finished', at: now, group: null, within: false });
}

/** Ids of a stream: milliseconds, a hyphen, and a number within them. */
function byTime(a: string, b: string): number {
  const [[aMs, aNumber], [bMs, bNumber]] = [a, b].map((id) => id.split('-').map(Number)) as [number[], number[]];
  return aMs! - bMs! || aNumber! - bNumber!;
}

/** What makes the scheduler tick: a repeating job of BullMQ, the bell, and the time of which the plan said so. */
import type { Clock } from '../ground/clock.ts';
import { asMailhaulError, unexpected } from '../ground/errors.ts';
import { globalKeys } from '../ground/keys.ts';
import type { Log } from '../ground/log.ts';
import type { Settings } from '../ground/settings.ts';
import type { Bell } from '../limits/bell.ts';
import type { Queues } from './queues.ts';
import type { Scheduler } from './scheduler.ts';

/** What the trigger works with. */
export interface TriggerContext {
  readonly queues: Queues;
  readonly bell: Bell;
  readonly settings: Pick<Settings, 'reconcileMs' | 'planGapMs'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Nothing begins any more once it is aborted. */
  readonly signal: AbortSignal;
}

/** The queue whose jobs say that it is time to plan. */
export const planQueue = 'plan';
/** A wake-up later than this is armed again when it is reached: setTimeout takes at most 2^31 - 1 ms. */
const longestTimerMs = 86_400_000;

/** Ticks one after the other, at most one in `planGapMs`, until it is closed. */
export class Trigger {
  readonly #scheduler: Scheduler;
  readonly #context: TriggerContext;
  readonly #closed = new AbortController();
  readonly #stops: (() => void)[] = [];
  #running: Promise<void> | undefined;
  #again = false;
  #wake: NodeJS.Timeout | undefined;

  private constructor(scheduler: Scheduler, context: TriggerContext) {
    this.#scheduler = scheduler;
    this.#context = context;
  }

  /** Begins to tick. */
  static async open(scheduler: Scheduler, context: TriggerContext): Promise<Trigger> {
    const trigger = new Trigger(scheduler, context);
    await trigger.#open();
    return trigger;
  }

  /** Ends with the tick that runs, and lets another scheduler work. */
  async close(): Promise<void> {
    this.#closed.abort();
    clearTimeout(this.#wake);
    for (const stop of this.#stops) stop();
    await this.#running;
    await this.#scheduler.close().catch(() => {});
  }

  async #open(): Promise<void> {
    const { queues, bell, settings, log } = this.#context;
    const restore = await queues.repeat(planQueue, settings.reconcileMs, () => this.#byJob());
    // A flush takes BullMQ's job schedulers along, and nothing of BullMQ notices.
    const failed = (error: Error) => log.warn({ reason: error.message }, 'job scheduler not restored');
    const watch = setInterval(() => void restore().catch(failed), settings.reconcileMs);
    watch.unref();
    this.#stops.push(() => clearInterval(watch));
    const heard = (key: string) => {
      if (key === globalKeys.planBell || this.#scheduler.rang(key)) this.#poke();
    };
    this.#stops.push(bell.listen(heard));
    this.#scheduler.watch(() => this.#poke());
    this.#poke();
  }

  /** BullMQ gives the job to any of the schedulers: one that stands by rings for the one that works. */
  async #byJob(): Promise<void> {
    this.#poke();
    await this.#running;
    if (!this.#scheduler.leads) this.#context.bell.ring(globalKeys.planBell);
  }

  #poke(): void {
    if (this.#isOver) return;
    this.#again = true;
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
    });
  }

  get #isOver(): boolean {
    return this.#closed.signal.aborted || this.#context.signal.aborted;
  }

  async #work(): Promise<void> {
    const { clock, settings, log } = this.#context;
    while (this.#again && !this.#isOver) {
      this.#again = false;
      await this.#scheduler.tick().catch((thrown: unknown) => {
        const error = asMailhaulError(thrown);
        log.warn({ code: error.code, reason: error.message, err: unexpected(error) }, 'tick failed');
      });
      await clock.wait(settings.planGapMs, this.#closed.signal).catch(() => {});
    }
    this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#wake);
    const inMs = Math.max(0, this.#scheduler.wakeAt - this.#context.clock.now());
    if (this.#isOver || inMs === Number.POSITIVE_INFINITY) return;
    const poke = () => (inMs > longestTimerMs ? this.#arm() : this.#poke());
    this.#wake = setTimeout(poke, Math.min(inMs, longestTimerMs));
    this.#wake.unref();
  }
}

/** Work that is no job of a queue in the budget of its host: it waits here for its turn, instead of coming back later. */
import { type Clock, systemClock } from '../ground/clock.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { type BudgetTask, SessionBudget } from './session-budget.ts';
import { timeText, type Wait } from './waits.ts';

/** What waiting for a turn needs. */
export interface TurnContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly clock?: Clock;
  /** Ends waits early, with its reason. */
  readonly signal: AbortSignal;
  /** Told what is waited for: once for each reason. */
  readonly onWait?: ((wait: Wait) => void) | undefined;
}

/** Waits of one piece of work, together at most `syncWaitMaxMs`. */
export class Turn {
  readonly #context: TurnContext;
  readonly #clock: Clock;
  readonly #endsAt: number;
  #told = '';

  constructor(context: TurnContext) {
    this.#context = context;
    this.#clock = context.clock ?? systemClock;
    this.#endsAt = this.#clock.now() + context.settings.syncWaitMaxMs;
  }

  /** Asks for the connections of a session once. Throws `budget-too-small`. */
  ask(task: BudgetTask, signal: AbortSignal): Promise<SessionBudget | Wait> {
    return SessionBudget.open(task, { ...this.#context, clock: this.#clock, signal });
  }

  /** Waits as long as it is told. Throws `budget-waits` where that is too long, and the reason of the signal. */
  async wait(wait: Wait): Promise<void> {
    const { onWait, signal } = this.#context;
    const now = this.#clock.now();
    if (wait.untilMs > this.#endsAt) {
      throw new MailhaulError('budget-waits', { until: timeText(wait.untilMs, now), because: wait.because });
    }
    if (wait.because !== this.#told) onWait?.(wait);
    this.#told = wait.because;
    await this.#clock.wait(Math.max(0, wait.untilMs - now), signal);
  }
}

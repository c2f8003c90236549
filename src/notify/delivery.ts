/** Delivers what one target is to be told: batched, at least once, with the same id in every try. */
import type { Clock } from '../ground/clock.ts';
import { hexDigest } from '../ground/digest.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { NotifyTarget } from '../ground/settings-notify.ts';
import { countIn, notificationOf, type OutgoingMessage } from './message.ts';
import type { Outbox } from './outbox.ts';
import { fromStart, type PlannedMessage, readProgress, saveProgress, type TargetProgress } from './progress.ts';
import { failureOf, type Send } from './senders.ts';

/** What deliveries work with. */
export interface DeliveryContext {
  readonly redis: RedisClient;
  readonly outbox: Outbox;
  readonly settings: Pick<
    Settings,
    'notifyBatchMs' | 'notifyMaxEvents' | 'notifyAccountsMax' | 'notifyRetryWaitsMs' | 'notifyGiveUpMs'
  >;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends what is under way: whether it arrived is not known then, and it is told again. */
  readonly signal: AbortSignal;
  /** Throws when another process delivers by now. */
  readonly confirm: () => Promise<void>;
}

/** What came of a look: nothing was due, a message is through, or when it is tried next (milliseconds since 1970). */
export type Looked = 'idle' | 'told' | { readonly nextAt: number };

/** One target. Its looks must not overlap. */
export class Delivery {
  readonly name: string;
  readonly #target: NotifyTarget;
  readonly #send: Send;
  readonly #context: DeliveryContext;

  constructor(name: string, target: NotifyTarget, send: Send, context: DeliveryContext) {
    this.name = name;
    this.#target = target;
    this.#send = send;
    this.#context = context;
  }

  /**
   * Sends a message where one is due; `all` sends what there is, and `now` also what would be tried again later. Throws
   * what Redis throws, and what `confirm` does.
   */
  async look({ all = false, now = false } = {}): Promise<Looked> {
    const { redis, clock } = this.#context;
    const progress = (await readProgress(redis, this.name)) ?? fromStart;
    const planned = progress.planned ?? (await this.#plan(progress, all));
    if (!planned) return 'idle';
    if (!now && planned.nextAt > clock.now()) return { nextAt: planned.nextAt };
    return this.#deliver({ ...progress, planned }, planned);
  }

  /** The next message; undefined while there is none, or the time to send it has not come. */
  async #plan(progress: TargetProgress, all: boolean): Promise<PlannedMessage | undefined> {
    const { redis, outbox, settings, clock } = this.#context;
    const { notifyMaxEvents, notifyBatchMs } = settings;
    const [first] = await outbox.after(progress.last, 1);
    if (!first) return undefined;
    const now = clock.now();
    const ripe = first.event.at + (this.#target.batchMs ?? notifyBatchMs) <= now;
    if (!all && !ripe && (await this.#waiting(progress)) < notifyMaxEvents) return undefined;
    const last = (await outbox.after(progress.last, notifyMaxEvents)).at(-1) ?? first;
    const id = `msg_${hexDigest(16, this.name, progress.last, last.id, String(now))}`;
    const planned = { id, last: last.id, lastNumber: last.number, at: now, nextAt: 0, tries: 0 };
    // Before it is sent: whoever comes after a crash sends this message again, and no other.
    await saveProgress(redis, this.name, { ...progress, planned });
    return planned;
  }

  async #waiting({ number }: TargetProgress): Promise<number> {
    return ((await this.#context.outbox.newest())?.number ?? number) - number;
  }

  async #deliver(progress: TargetProgress, planned: PlannedMessage): Promise<Looked> {
    const { redis, outbox, settings, confirm } = this.#context;
    const entries = await outbox.between(progress.last, planned.last);
    // What is missing among the numbers was pushed out of the stream by newer events.
    const lost = progress.number < 0 ? 0 : Math.max(0, planned.lastNumber - progress.number - entries.length);
    const missed = progress.missed + lost;
    const about = { name: this.name, target: this.#target, at: planned.at, missed };
    const notification = notificationOf(about, entries, settings.notifyAccountsMax);
    const events = countIn(notification);
    const through: TargetProgress = { last: planned.last, number: planned.lastNumber, missed: 0 };
    if (events + missed > 0) {
      await confirm();
      const error = await this.#try({ id: planned.id, notification });
      if (error) return this.#failed(error, progress, planned, { ...through, missed: missed + events });
      this.#context.log.info({ target: this.name, message: planned.id, events, notTold: missed }, 'notified');
    }
    await saveProgress(redis, this.name, through);
    return 'told';
  }

  async #try(message: OutgoingMessage): Promise<MailhaulError | undefined> {
    try {
      await this.#send(message);
      return undefined;
    } catch (thrown) {
      this.#context.signal.throwIfAborted();
      return failureOf(this.name, thrown);
    }
  }

  async #failed(
    error: MailhaulError,
    progress: TargetProgress,
    planned: PlannedMessage,
    dropped: TargetProgress,
  ): Promise<Looked> {
    const { redis, settings, clock, log } = this.#context;
    const { notifyRetryWaitsMs, notifyGiveUpMs } = settings;
    const now = clock.now();
    const { code, message } = error;
    if (now - planned.at >= notifyGiveUpMs) {
      const lost = new MailhaulError('notification-dropped', { target: this.name, count: dropped.missed });
      const said = { code: lost.code, text: lost.message, reason: message };
      log.error({ target: this.name, message: planned.id, ...said }, 'notification dropped');
      await saveProgress(redis, this.name, dropped);
      return 'told';
    }
    const waitMs = notifyRetryWaitsMs[Math.min(planned.tries, notifyRetryWaitsMs.length - 1)]!;
    log.warn({ target: this.name, message: planned.id, code, reason: message, waitMs }, 'notification failed');
    const next = { ...planned, tries: planned.tries + 1, nextAt: now + waitMs };
    await saveProgress(redis, this.name, { ...progress, planned: next });
    return { nextAt: next.nextAt };
  }
}

/** What one session may take of its host: its connections, its logins, and the pace and amount of its mail. */
import type { Clock } from '../ground/clock.ts';
import { asMailhaulError, MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { AdaptiveRules } from './adaptive.ts';
import { observe, type Seen } from './adaptive-state.ts';
import { budgetOf, connectionsText, dayText, type HostBudget, paceText } from './budgets.ts';
import { chargeDay, type DayBudget, reserveDay } from './day-budget.ts';
import { hintOf, hintText } from './hints.ts';
import { notBefore, noteNotBefore } from './not-before.ts';
import { type RateGrant, type RateRequest, reserveLoginRate, reserveRate } from './rates.ts';
import { Slots } from './slots.ts';
import { clearWait, type Wait } from './waits.ts';

/** Who asks. */
export interface BudgetTask {
  readonly side: Wait['side'];
  /** Key of the account, whose wait ends when it begins; undefined for who only looks. */
  readonly account?: string;
  /** Digest of the login, as `loginKey` makes it. */
  readonly login: string;
  readonly host: string;
  /** Connections at once, where they are not those of a session that carries mail. */
  readonly connections?: number;
}

/** What budgets work with. */
export interface BudgetContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly clock: Clock;
  /** Ends waits early. */
  readonly signal: AbortSignal;
}

/** An IMAP session has a connection that appends and one that looks; a POP3 session has one. */
const connectionsOf = { source: 1, destination: 2 } as const;

/** Thrown in the middle of work that cannot go on before a budget is free; what was done by then stays done. */
export class BudgetSpent extends Error {
  readonly wait: Wait;

  constructor(wait: Wait) {
    super(wait.because);
    this.wait = wait;
  }
}

/** The part of one session; to be closed at its end. */
export class SessionBudget {
  /** The limits of the host. */
  readonly limits: HostBudget;
  /** Whether `pass` asks Redis at all. */
  readonly limited: boolean;
  /** Messages that were larger than a whole day's budget. */
  oversized = 0;
  readonly #task: BudgetTask;
  readonly #context: BudgetContext;
  readonly #slots: Slots;
  readonly #day: DayBudget;
  readonly #openedAt: number;
  readonly #renewing: NodeJS.Timeout;
  #loginAt: number;
  #noted: Promise<unknown> = Promise.resolve();

  private constructor(task: BudgetTask, context: BudgetContext, slots: Slots, loginAt: number) {
    const { settings, clock } = context;
    this.#task = task;
    this.#context = context;
    this.#slots = slots;
    this.#loginAt = loginAt;
    this.limits = budgetOf(settings, task.host);
    this.#day = { login: task.login, limit: dayLimit(task.side, this.limits), dayMs: settings.budgetDayMs };
    const { messagesPerSecond, messagesPerSecondPerAccount, bytesPerSecond } = this.limits;
    this.limited = this.#day.limit + messagesPerSecond + messagesPerSecondPerAccount + bytesPerSecond > 0;
    this.#openedAt = clock.now();
    this.#renewing = setInterval(() => void slots.renew(clock.now()).catch(() => {}), settings.leaseMs / 3);
    this.#renewing.unref();
    if (task.account !== undefined) this.#note(clearWait(context.redis, task.account, task.side));
  }

  /** Takes the connections of a session, or says when to ask again. Throws `budget-too-small`. */
  static async open(task: BudgetTask, context: BudgetContext): Promise<SessionBudget | Wait> {
    const { redis, settings, clock } = context;
    const { side, login, host } = task;
    const limits = budgetOf(settings, host);
    const count = task.connections ?? connectionsOf[side];
    for (const name of ['connections', 'connectionsPerAccount'] as const) {
      if (limits[name] === 0 || limits[name] >= count) continue;
      throw new MailhaulError('budget-too-small', { host, name, limit: limits[name], count });
    }
    const now = clock.now();
    const asked = await notBefore(redis, login);
    if (asked && asked.untilMs > now) return { side, ...asked };
    const { connections, connectionsPerAccount, loginsPerSecond } = limits;
    const slots = await Slots.take(
      redis,
      {
        host: host.toLowerCase(),
        login,
        count,
        connections,
        connectionsPerAccount,
        raiseMs: settings.adaptiveRaiseMs,
        ttlMs: settings.leaseMs,
        fairShareMs: settings.fairShareMs,
      },
      now,
    );
    if (!(slots instanceof Slots))
      return { side, untilMs: slots.until, because: connectionsText(host, slots.because, slots.allowed) };
    const logins: RateRequest = { name: 'logins', cost: 1, perSecond: loginsPerSecond };
    const grant = await reserveRate(redis, host.toLowerCase(), [logins], now, settings.fairShareMs);
    if (grant.granted) return new SessionBudget(task, context, slots, grant.at);
    await slots.release();
    return { side, untilMs: grant.at, because: `${host} allows ${loginsPerSecond} login(s) a second` };
  }

  /** Logs in when it is time to, and learns from how it goes. Throws what `connect` throws. */
  async login<T>(connect: () => Promise<T>): Promise<T> {
    await this.#until(this.#loginAt);
    const began = performance.now();
    try {
      const connection = await connect();
      this.#observe({ kind: 'login', ms: performance.now() - began });
      return connection;
    } catch (error) {
      await this.noteFailure(error);
      throw error;
    }
  }

  /** The second login of a session that has its connections. */
  async loginAgain<T>(connect: () => Promise<T>): Promise<T> {
    const { redis, settings, clock } = this.#context;
    const logins: RateRequest = { name: 'logins', cost: 1, perSecond: this.limits.loginsPerSecond };
    const { at } = await reserveRate(redis, this.#host, [logins], clock.now(), settings.hintWaitMaxMs);
    await this.#until(at);
    return connect();
  }

  /** One connection more than the session has; undefined when the host has none to spare. */
  async another<T>(connect: () => Promise<T>): Promise<T | undefined> {
    return (await this.#slots.grow(this.#context.clock.now())) ? this.loginAgain(connect) : undefined;
  }

  /** The server wants this many milliseconds between two logins of this user (RFC 2449 §6.5). */
  noteLoginDelay(ms: number): void {
    const because = `${this.#task.host} wants ${Math.ceil(ms / 1000)} s between two logins`;
    this.#note(this.#leaveAlone(ms, because));
  }

  /** Obeys the hint of a failure, for all sessions to come. */
  async noteFailure(thrown: unknown): Promise<void> {
    const error = asMailhaulError(thrown);
    const hint = hintOf(error);
    if (error.retry !== 'soon') return;
    if (hint?.throttled) this.#observe({ kind: 'throttled' });
    if (hint?.afterMs) await this.#leaveAlone(hint.afterMs, hintText(error, this.#task.host));
  }

  /**
   * Asks before messages move, and waits for their turn. Returns when to come back instead where that is too long to
   * sit and wait. `excess` is what earlier ones were larger than they had been listed.
   */
  async pass(messages: number, bytes: number, excess = 0): Promise<Wait | undefined> {
    const { redis, clock } = this.#context;
    const { host, side } = this.#task;
    const rate = await this.#reservePace(messages, bytes);
    if (!rate.granted) return { side, untilMs: rate.at, because: `${host} allows ${paceText(this.limits)}` };
    if (this.#day.limit > 0) {
      const day = await reserveDay(redis, this.#day, bytes, clock.now(), excess);
      if (!day.granted) return { side, untilMs: day.at, because: `${host} allows ${dayText(this.#day)}`, spent: host };
      if (day.oversized) this.oversized += messages;
    }
    await this.#until(rate.at);
    return undefined;
  }

  /** Counts bytes that have moved beyond what was asked for. */
  async charge(bytes: number): Promise<void> {
    if (this.#day.limit > 0) await chargeDay(this.#context.redis, this.#day, bytes, this.#context.clock.now());
  }

  /** True when others have waited long enough for the connections of this session. */
  get shouldYield(): boolean {
    if (this.#slots.waiting === 0) return false;
    return this.#context.clock.now() - this.#openedAt >= this.#context.settings.fairShareMs;
  }

  /** Gives the connections back; they are closed by then. */
  async close(): Promise<void> {
    clearInterval(this.#renewing);
    await Promise.all([this.#noted, this.#slots.release().catch(() => {})]);
  }

  get #host(): string {
    return this.#task.host.toLowerCase();
  }

  /** The login's own turn first: one that is refused has not used up a part of what all share. */
  async #reservePace(messages: number, bytes: number): Promise<RateGrant> {
    const { redis, settings, clock } = this.#context;
    const { messagesPerSecond, messagesPerSecondPerAccount, bytesPerSecond } = this.limits;
    const own: RateRequest = { name: 'messages', cost: messages, perSecond: messagesPerSecondPerAccount };
    const turn = await reserveLoginRate(redis, this.#task.login, [own], clock.now(), settings.fairShareMs);
    if (!turn.granted) return turn;
    const rates: RateRequest[] = [
      { name: 'messages', cost: messages, perSecond: messagesPerSecond },
      { name: 'bytes', cost: bytes, perSecond: bytesPerSecond },
    ];
    const shared = await reserveRate(redis, this.#host, rates, clock.now(), settings.fairShareMs);
    return { granted: shared.granted, at: Math.max(turn.at, shared.at) };
  }

  async #leaveAlone(ms: number, because: string): Promise<void> {
    const { redis, settings, clock } = this.#context;
    const untilMs = clock.now() + Math.min(ms, settings.hintWaitMaxMs);
    await noteNotBefore(redis, this.#task.login, { untilMs, because }, clock.now());
  }

  async #until(at: number): Promise<void> {
    const { clock, signal } = this.#context;
    const ms = at - clock.now();
    // A stop is seen by whoever asked, right behind this.
    if (ms > 0) await clock.wait(ms, signal).catch(() => {});
  }

  #observe(seen: Seen): void {
    const { redis, settings, clock } = this.#context;
    const rules: AdaptiveRules = {
      limit: this.limits.connections,
      raiseMs: settings.adaptiveRaiseMs,
      slowFactor: settings.adaptiveSlowFactor,
    };
    this.#note(observe(redis, this.#host, seen, clock.now(), rules));
  }

  /** What nobody waits for before the end of the session, and nothing depends on. */
  #note(work: Promise<unknown>): void {
    this.#noted = Promise.allSettled([this.#noted, work]);
  }
}

function dayLimit(side: Wait['side'], limits: HostBudget): number {
  return side === 'source' ? limits.downloadBytesPerDay : limits.uploadBytesPerDay;
}

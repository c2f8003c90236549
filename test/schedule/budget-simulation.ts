/** A service on a virtual clock: the real plan and the real budgets on a real Redis; hosts that only keep count. */
import { expect } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import type { RedisClient } from '../../src/ground/redis.ts';
import type { Settings } from '../../src/ground/settings.ts';
import { hintOf, hintText, hintWaitMs } from '../../src/limits/hints.ts';
import { SessionBudget } from '../../src/limits/session-budget.ts';
import { longestWaits, noteWait, type Wait } from '../../src/limits/waits.ts';
import { afterRun } from '../../src/schedule/clean.ts';
import { dueOf } from '../../src/schedule/due.ts';
import { closingOf, type Plan, plan, type Usage } from '../../src/schedule/plan.ts';
import type { Schedule } from '../../src/schedule/schedule.ts';
import type { ScheduleState } from '../../src/schedule/state.ts';
import { dayMs, stateOf } from './plan-rig.ts';
import { VirtualTime } from './virtual-time.ts';

/** One account and its mail. */
export interface BudgetedAccount {
  readonly key: string;
  readonly schedule: Schedule;
  readonly source: string;
  /** Messages that wait when it begins, those that come in a day, and the bytes of each. */
  readonly messages: number;
  readonly messagesADay: number;
  readonly bytes: number;
  readonly bytesASecond: number;
}

/** A source: counts what is asked of it, as its operator would. */
export class CountingHost {
  readonly logins: number[] = [];
  /** How many connections were open then, this one included. */
  readonly crowd: number[] = [];
  readonly asked: { readonly at: number; readonly account: string; readonly bytes: number }[] = [];
  /** Logins that were refused. */
  readonly refused: number[] = [];
  open = 0;
  mostOpen = 0;
  /** While it throttles it bears so many connections, and refuses every login beyond. */
  throttles: { readonly from: number; readonly to: number; readonly bears: number } = { from: 0, to: 0, bears: 0 };
}

/** An account and what became of it. */
export interface BudgetedActor {
  readonly account: BudgetedAccount;
  state: ScheduleState;
  left: number;
  /** Somebody works on its run, or waits to. */
  working: boolean;
  seenUntil: number;
  wait: Wait | undefined;
  hints: number;
  readonly runs: { readonly startedAt: number; readonly reason: string; endedAt: number; failed: boolean }[];
  readonly asked: { readonly at: number; readonly scheduled: boolean }[];
}

/** What the simulation works with. */
export interface BudgetedService {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly usage: Usage;
  readonly accounts: readonly BudgetedAccount[];
  readonly hosts: ReadonlyMap<string, CountingHost>;
}

const connectMs = 200;

/** Accounts, hosts and a clock. */
export class BudgetSimulation {
  readonly actors = new Map<string, BudgetedActor>();
  readonly #service: BudgetedService;
  readonly #time: VirtualTime;
  #bell = new AbortController();

  constructor(from: number, service: BudgetedService) {
    this.#service = service;
    this.#time = new VirtualTime(from);
    for (const account of service.accounts) {
      this.actors.set(account.key, {
        account,
        state: stateOf({ seenAt: from }),
        left: account.messages,
        working: false,
        seenUntil: from,
        wait: undefined,
        hints: 0,
        runs: [],
        asked: [],
      });
    }
  }

  async run(end: number): Promise<void> {
    this.#time.begin(() => this.#schedule());
    await this.#time.run(end);
  }

  /** As the trigger does it: at the time of which the plan says so, and when a bell rings. */
  async #schedule(): Promise<void> {
    for (;;) {
      this.#bell = new AbortController();
      const made = await this.#plan();
      this.#carryOut(made);
      const { planGapMs } = this.#service.settings;
      await this.#time.wait(planGapMs);
      await this.#time.wait(Math.min(dayMs, Math.max(0, made.wakeAt - this.#time.now())), this.#bell.signal);
    }
  }

  async #plan(): Promise<Plan> {
    const { redis, usage } = this.#service;
    const now = this.#time.now();
    const actors = [...this.actors.values()];
    const waits = await longestWaits(
      redis,
      actors.map(({ account }) => account.key),
      now,
    );
    const accounts = actors.map(({ account: { key, source, schedule }, state }) => {
      return { key, source, destination: 'imap.example', schedule, state, wait: waits.get(key) };
    });
    return plan(now, accounts, usage);
  }

  #carryOut({ start, hold, release }: Plan): void {
    const now = this.#time.now();
    for (const key of hold) this.#change(this.actors.get(key)!, { held: true });
    for (const key of start) {
      const actor = this.actors.get(key)!;
      const { reason, at } = dueOf(now, actor.account.schedule, actor.state);
      expect(at).toBeLessThanOrEqual(now);
      expect(actor.state.run, 'one run an account').toBe('');
      expect(actor.working).toBe(false);
      actor.runs.push({ startedAt: now, reason, endedAt: 0, failed: false });
      actor.left += Math.floor(((now - actor.seenUntil) / dayMs) * actor.account.messagesADay);
      actor.seenUntil = now;
      this.#change(actor, { run: `${key}-${now}`, lastStartedAt: now, reason });
    }
    for (const key of [...release, ...start]) {
      const actor = this.actors.get(key)!;
      const closesAt = closingOf(now, actor.account.schedule, actor.state.reason);
      this.#change(actor, { held: false, closesAt });
      if (!actor.working) this.#time.begin(() => this.#work(actor));
    }
  }

  #change(actor: BudgetedActor, fields: Partial<ScheduleState>): void {
    actor.state = { ...actor.state, ...fields };
  }

  /** One session after the other, until the run has ended or its window closes. */
  async #work(actor: BudgetedActor): Promise<void> {
    actor.working = true;
    try {
      while (!this.#isClosed(actor)) {
        const end = await this.#session(actor).catch((error: unknown) => this.#obey(actor, error));
        actor.wait = typeof end === 'object' ? end : undefined;
        if (end === 'done' || end === 'failed') return this.#end(actor, end === 'failed');
        if (typeof end !== 'object') continue;
        await noteWait(this.#service.redis, actor.account.key, end);
        this.#bell.abort();
        await this.#time.wait(end.untilMs - this.#time.now());
      }
    } finally {
      actor.working = false;
      this.#bell.abort();
    }
  }

  #isClosed({ state }: BudgetedActor): boolean {
    return state.held || (state.closesAt > 0 && state.closesAt <= this.#time.now());
  }

  async #session(actor: BudgetedActor): Promise<Wait | 'done' | 'more'> {
    const { redis, settings, hosts } = this.#service;
    const { key, source } = actor.account;
    const { signal } = new AbortController();
    const task = { side: 'source', account: key, login: key, host: source } as const;
    const budget = await SessionBudget.open(task, { redis, settings, clock: this.#time, signal });
    if (!(budget instanceof SessionBudget)) return budget;
    const host = hosts.get(source)!;
    let connected = false;
    try {
      await budget.login(async () => {
        host.open += 1;
        connected = true;
        host.mostOpen = Math.max(host.mostOpen, host.open);
        await this.#logIn(host, source, key);
      });
      return await this.#take(actor, host, budget);
    } finally {
      if (connected) host.open -= 1;
      await budget.close();
    }
  }

  async #logIn(host: CountingHost, name: string, user: string): Promise<void> {
    const now = this.#time.now();
    const { from, to, bears } = host.throttles;
    const refuses = now >= from && now < to && host.open > bears;
    host.logins.push(now);
    host.crowd.push(host.open);
    await this.#time.wait(connectMs);
    if (!refuses) return;
    host.refused.push(now);
    throw new MailhaulError('account-busy', { host: name, user, reply: '[SYS/TEMP] slow down', hint: 'throttled' });
  }

  async #take(actor: BudgetedActor, host: CountingHost, budget: SessionBudget): Promise<Wait | 'done' | 'more'> {
    const { account } = actor;
    while (actor.left > 0) {
      if (this.#isClosed(actor) || budget.shouldYield) return 'more';
      const wait = await budget.pass(1, account.bytes);
      if (wait) return wait;
      const at = this.#time.now();
      host.asked.push({ at, account: account.key, bytes: account.bytes });
      actor.asked.push({ at, scheduled: actor.state.reason === 'schedule' });
      actor.left -= 1;
      actor.hints = 0;
      await this.#time.wait((account.bytes / account.bytesASecond) * 1000);
    }
    return 'done';
  }

  /** As run control does it. */
  #obey(actor: BudgetedActor, thrown: unknown): Wait | 'failed' {
    const { settings } = this.#service;
    const hint = thrown instanceof MailhaulError ? hintOf(thrown) : undefined;
    if (!hint) throw thrown;
    actor.hints += 1;
    if (actor.hints > settings.hintTries) return 'failed';
    const untilMs = this.#time.now() + hintWaitMs(hint, actor.hints, settings);
    return { side: 'source', untilMs, because: hintText(thrown as MailhaulError) };
  }

  #end(actor: BudgetedActor, failed: boolean): void {
    const run = actor.runs.at(-1)!;
    Object.assign(run, { endedAt: this.#time.now(), failed });
    actor.hints = 0;
    const clean = !failed && !actor.asked.some(({ at }) => at >= run.startedAt);
    actor.state = afterRun(actor.account.schedule, actor.state, clean, this.#time.now());
  }
}

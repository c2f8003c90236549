/** A service without servers: a virtual clock drives the plan, and runs move bytes within windows, waits and budgets. */
import { expect } from 'vitest';
import { afterRun } from '../../src/schedule/clean.ts';
import { dueOf } from '../../src/schedule/due.ts';
import { closingOf, type Plan, type PlanAccount, plan, type Usage } from '../../src/schedule/plan.ts';
import type { Schedule } from '../../src/schedule/schedule.ts';
import { windowsAt } from '../../src/schedule/windows.ts';
import { dayMs, stateOf } from './plan-rig.ts';

/** One account of the simulation. */
export interface SimulatedAccount {
  readonly key: string;
  readonly schedule: Schedule;
  readonly source: string;
  /** Bytes that wait at the source when it begins, and those that come in a day. */
  readonly bytes: number;
  readonly bytesADay: number;
  readonly bytesASecond: number;
  /** Most bytes in any 24 hours. */
  readonly budget: number;
}

/** A run of the simulation; times are milliseconds since 1970. */
export interface SimulatedRun {
  readonly startedAt: number;
  readonly reason: string;
  endedAt: number;
}

/** A time in which a host answers nobody. */
export interface Throttled {
  readonly host: string;
  readonly from: number;
  readonly to: number;
}

interface Part {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

interface Actor {
  readonly account: SimulatedAccount;
  state: PlanAccount['state'];
  left: number;
  seenUntil: number;
  readonly parts: Part[];
  /** Parts that are older than a day, and the bytes of the others. */
  old: number;
  spent: number;
  readonly runs: SimulatedRun[];
}

const setUpMs = 1000;

/** Accounts, a clock and what has happened. */
export class Simulation {
  readonly actors = new Map<string, Actor>();
  readonly #usage: Usage;
  readonly #throttled: readonly Throttled[];
  now: number;
  ticks = 0;

  constructor(from: number, accounts: readonly SimulatedAccount[], usage: Usage, throttled: readonly Throttled[] = []) {
    this.now = from;
    this.#usage = usage;
    this.#throttled = throttled;
    for (const account of accounts) {
      const state = stateOf({ seenAt: from });
      this.actors.set(account.key, {
        account,
        state,
        left: account.bytes,
        seenUntil: from,
        parts: [],
        old: 0,
        spent: 0,
        runs: [],
      });
    }
  }

  /** Runs the clock until `end`, from one thing that happens to the next. */
  run(end: number): void {
    while (this.now < end) {
      const made = this.#plan();
      this.#carryOut(made);
      const next = Math.min(end, made.wakeAt, ...[...this.actors.values()].map((actor) => this.#nextOf(actor)));
      expect(next).toBeGreaterThan(this.now);
      this.#advance(next);
      this.ticks += 1;
    }
  }

  #plan(): Plan {
    const accounts = [...this.actors.values()].map(
      (actor): PlanAccount => ({
        key: actor.account.key,
        source: actor.account.source,
        destination: 'imap.example',
        schedule: actor.account.schedule,
        state: actor.state,
        wait: this.#waitOf(actor),
      }),
    );
    return plan(this.now, accounts, this.#usage);
  }

  #carryOut({ start, hold, release }: Plan): void {
    for (const key of hold) this.#change(key, { held: true });
    for (const key of [...release, ...start]) {
      const { state, account } = this.actors.get(key)!;
      const due = dueOf(this.now, account.schedule, state);
      const reason = state.run === '' ? due.reason : state.reason;
      if (state.run === '') {
        expect(due.at).toBeLessThanOrEqual(this.now);
        expect(this.#waitOf(this.actors.get(key)!)).toBeUndefined();
        this.actors.get(key)!.runs.push({ startedAt: this.now, reason, endedAt: 0 });
        this.#change(key, { run: `${key}-${this.now}`, lastStartedAt: this.now, reason, askedAt: 0 });
        this.#receive(this.actors.get(key)!);
      } else expect(start).not.toContain(key);
      this.#change(key, { held: false, closesAt: closingOf(this.now, account.schedule, reason) });
    }
    const active = [...this.actors.values()].filter((actor) => this.#isActive(actor));
    if (start.length > 0) expect(active.length).toBeLessThanOrEqual(this.#usage.runsMax);
  }

  #change(key: string, fields: Partial<Actor['state']>): void {
    const actor = this.actors.get(key)!;
    actor.state = { ...actor.state, ...fields };
  }

  /** A person asks for a run now. */
  ask(key: string): void {
    this.#change(key, { askedAt: this.now });
  }

  #receive(actor: Actor): void {
    actor.left += ((this.now - actor.seenUntil) / dayMs) * actor.account.bytesADay;
    actor.seenUntil = this.now;
  }

  /** What the budget leaves: bytes count for 24 hours after the end of the part in which they went. */
  #room(actor: Actor): number {
    while ((actor.parts[actor.old]?.to ?? Number.POSITIVE_INFINITY) <= this.now - dayMs) {
      actor.spent -= actor.parts[actor.old]!.bytes;
      actor.old += 1;
    }
    return actor.account.budget - actor.spent;
  }

  #waitOf(actor: Actor): { untilMs: number; because: string } | undefined {
    const throttled = this.#throttled.find(
      ({ host, from, to }) => host === actor.account.source && from <= this.now && this.now < to,
    );
    if (throttled) return { untilMs: throttled.to, because: 'the server asked for it' };
    if (this.#room(actor) >= 1) return undefined;
    const oldest = actor.parts[actor.old]!;
    return { untilMs: oldest.to + dayMs, because: 'its budget of the day is used up' };
  }

  /** As the sessions see it: their window is open, nobody made them wait. */
  #isActive(actor: Actor): boolean {
    const { run, held, closesAt } = actor.state;
    return run !== '' && !held && (closesAt === 0 || closesAt > this.now) && this.#waitOf(actor) === undefined;
  }

  #nextOf(actor: Actor): number {
    const wait = this.#waitOf(actor);
    if (wait && actor.state.run !== '') return wait.untilMs;
    if (!this.#isActive(actor)) return Number.POSITIVE_INFINITY;
    const throttle = this.#throttled.filter(({ host, from }) => host === actor.account.source && from > this.now);
    const bytes = Math.min(actor.left, this.#room(actor));
    const moved = this.now + Math.max(1, Math.ceil((bytes / actor.account.bytesASecond) * 1000));
    const done = actor.left < 1 ? Math.max(this.now + 1, actor.state.lastStartedAt + setUpMs) : moved;
    return Math.min(done, actor.state.closesAt || Number.POSITIVE_INFINITY, ...throttle.map(({ from }) => from));
  }

  #advance(to: number): void {
    const from = this.now;
    const active = [...this.actors.values()].filter((actor) => this.#isActive(actor));
    for (const actor of active) {
      const possible = Math.floor(((to - from) / 1000) * actor.account.bytesASecond);
      const bytes = Math.min(Math.ceil(actor.left), Math.floor(this.#room(actor)), possible);
      if (bytes > 0) actor.parts.push({ from, to, bytes });
      actor.spent += bytes;
      if (bytes > 0 && actor.state.reason === 'schedule') expectInside(actor.account.schedule, from, to);
      actor.left = Math.max(0, actor.left - bytes);
    }
    this.now = to;
    for (const actor of active) if (actor.left < 1 && to >= actor.state.lastStartedAt + setUpMs) this.#end(actor);
  }

  #end(actor: Actor): void {
    const { startedAt } = actor.runs.at(-1)!;
    const clean = !actor.parts.some((part) => part.to > startedAt);
    actor.runs.at(-1)!.endedAt = this.now;
    actor.state = afterRun(actor.account.schedule, actor.state, clean, this.now);
  }
}

/** Asked of a plain look at the windows, at both ends of a time in which bytes went. */
function expectInside({ windows, zone }: Schedule, from: number, to: number): void {
  expect(windowsAt([...windows], zone, from).open).toBe(true);
  expect(windowsAt([...windows], zone, to - 1).open).toBe(true);
}

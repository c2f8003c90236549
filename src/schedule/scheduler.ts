/** The scheduler: at each tick it learns what has changed, plans, and begins, holds and releases runs (design §3). */
import { globalKeys } from '../ground/keys.ts';
import { newRunId } from '../ground/run-id.ts';
import { strangersIn } from '../ground/settings-rules.ts';
import { updateRun } from '../ledger/run.ts';
import { Lease } from '../limits/lease.ts';
import { dueOf } from './due.ts';
import { closingOf, type Plan, plan, type Usage } from './plan.ts';
import { Roll } from './roll.ts';
import { type Entry, Roster } from './roster.ts';
import { ScheduleBook } from './schedule.ts';
import type { SchedulerContext } from './scheduler-context.ts';
import { changeRun, claimRun, takeAsked } from './state.ts';

const startsAtOnce = 50;
const never = Number.POSITIVE_INFINITY;

/** One scheduler. Of several on one Redis the one that holds the lease works, the others stand by. */
export class Scheduler {
  readonly #context: SchedulerContext;
  readonly #roster: Roster;
  readonly #roll: Roll;
  readonly #book: ScheduleBook;
  readonly #stops: (() => void)[] = [];
  #lease: Lease | undefined;
  /** The list or the whole of Redis may have changed: everything is read anew. */
  #stale = true;
  #plan: Plan | undefined;
  #reconcileAt = 0;
  #tickedAt = 0;
  #ticking = false;

  constructor(context: SchedulerContext) {
    this.#context = context;
    this.#book = new ScheduleBook(context.settings.schedules);
    this.#roster = new Roster(context.redis, this.#book);
    this.#roll = new Roll(context, this.#roster);
  }

  /** When it last looked after its accounts, or after the one that does; milliseconds since 1970. */
  get tickedAt(): number {
    return this.#tickedAt;
  }

  /** Has `wake` called when accounts or what is paused have changed. */
  watch(wake: () => void): void {
    const { accounts, steering } = this.#context;
    const changed = () => {
      this.#stale = true;
      wake();
    };
    const steered = () => {
      this.#plan = undefined;
      wake();
    };
    this.#stops.push(accounts.onChange(changed));
    if (steering) this.#stops.push(steering.onChange(steered));
  }

  /** True while this scheduler is the one that works. */
  get leads(): boolean {
    return this.#lease !== undefined && !this.#lease.lost.aborted;
  }

  /** When the next tick is needed unless something happens before: milliseconds since 1970, Infinity for never. */
  get wakeAt(): number {
    return this.leads && this.#plan ? Math.min(this.#plan.wakeAt, this.#reconcileAt) : never;
  }

  /** What accounts that are due wait for, as the last tick found. */
  get waits(): Plan['waits'] {
    return this.#plan?.waits ?? [];
  }

  /** Groups of the accounts that have a run open or due, paused ones aside; undefined while that is being found out. */
  groupsAtWork(): ReadonlySet<string> | undefined {
    if (!this.leads || !this.#plan || this.#ticking || this.#stale) return undefined;
    const open = [...this.#roster.live(), ...this.waits.flatMap(({ key }) => this.#roster.get(key) ?? [])];
    const { steering } = this.#context;
    return new Set(open.filter(({ account }) => !steering?.pausedBy(account)).map(({ account }) => account.group));
  }

  /** Something happened to an account. Returns true when that is a reason for a tick. */
  rang(key: string): boolean {
    return this.#roll.rang(key);
  }

  /** Does what is due. Calls must not overlap. Throws MailhaulError when Redis is out of reach; the next tick goes on. */
  async tick(): Promise<void> {
    this.#ticking = true;
    try {
      if (await this.#lead()) await this.#look();
    } finally {
      this.#ticking = false;
    }
    this.#tickedAt = this.#context.clock.now();
  }

  async #look(): Promise<void> {
    const now = this.#context.clock.now();
    if (this.#stale) await this.#reload(now);
    const asked = await takeAsked(this.#context.redis);
    await this.#roster.refresh(asked);
    const due = now >= this.#reconcileAt;
    const ended = await this.#roll.call(due);
    const changed = this.#plan === undefined || asked.length + ended > 0 || now >= this.#plan.wakeAt;
    if (changed || (due && this.#isBusy)) {
      this.#plan = undefined;
      this.#plan = await this.#carryOut(await this.#make(now), now);
    }
    if (due) await this.#reconcile();
    const next = due || this.#reconcileAt === never ? now + this.#context.settings.reconcileMs : this.#reconcileAt;
    this.#reconcileAt = this.#isBusy ? next : never;
  }

  /** Lets another scheduler work. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#lease?.release();
    this.#lease = undefined;
  }

  /** A lease that was lost may mean a flush, and that another has worked since: then nothing that is known holds. */
  async #lead(): Promise<boolean> {
    const held = this.#lease;
    if (held) {
      await held.confirm().catch((error: unknown) => {
        if (!held.lost.aborted) throw error;
      });
      if (!held.lost.aborted) return true;
    }
    const { redis, settings, log } = this.#context;
    this.#lease = await Lease.take(redis, globalKeys.scheduler, settings.leaseMs);
    if (this.#lease) log.info('scheduling');
    this.#stale = true;
    return this.#lease !== undefined;
  }

  async #reload(now: number): Promise<void> {
    const { accounts, log } = this.#context;
    this.#stale = false;
    try {
      const all = await accounts.all();
      await this.#roll.reload(all, now);
      const named = { schedules: this.#book.strangers(all), rules: strangersIn(this.#context.settings.rules, all) };
      for (const [setting, { groups, accounts: ids }] of Object.entries(named)) {
        for (const group of groups) log.warn({ setting, group }, 'setting names an unknown group');
        for (const id of ids) log.warn({ setting, id }, 'setting names an unknown account');
      }
    } catch (error) {
      this.#stale = true;
      throw error;
    }
    this.#plan = undefined;
    this.#reconcileAt = 0;
  }

  /** Something is under way or waits: there is more to look after than what the clock says. */
  get #isBusy(): boolean {
    return this.waits.length > 0 || this.#roster.live().length > 0;
  }

  /** Only what is under way and kept back by nothing: nobody may be working on it. */
  async #reconcile(): Promise<void> {
    const begun = [...(this.#plan?.start ?? []), ...(this.#plan?.release ?? [])];
    const kept = new Set([...this.waits.map(({ key }) => key), ...begun]);
    const live = this.#roster.live().filter(({ account }) => !kept.has(account.key));
    await inParts(live, ({ account, state }) => this.#context.control.reconcile(account.key, state.run));
  }

  async #make(now: number): Promise<Plan> {
    const { settings, steering, readWaits, hostRuns } = this.#context;
    const entries = this.#roster.entries();
    const asking = entries.filter(({ schedule, state }) => state.run !== '' || dueOf(now, schedule, state).at <= now);
    const waits = await readWaits?.(asking.map(({ account }) => account.key));
    const accounts = entries.map(({ account, schedule, state }) => ({
      key: account.key,
      source: account.source.host,
      destination: account.destination.host,
      schedule,
      state,
      paused: steering?.pausedBy(account) === undefined ? undefined : 'somebody has paused it',
      wait: waits?.get(account.key),
    }));
    const { runsMax, longRunsMax, longRunMs, priorityAgeMs } = settings;
    const usage: Usage = { runsMax, longRunsMax, longRunMs, priorityAgeMs, hosts: hostRuns?.() ?? {} };
    return plan(now, accounts, usage);
  }

  async #carryOut(made: Plan, now: number): Promise<Plan> {
    const entriesOf = (keys: readonly string[]) => keys.flatMap((key) => this.#roster.get(key) ?? []);
    await inParts(entriesOf(made.hold), (entry) => this.#hold(entry));
    await inParts(entriesOf(made.release), (entry) => this.#release(entry, now));
    await inParts(entriesOf(made.start), (entry) => this.#start(entry, now));
    return made;
  }

  async #start(entry: Entry, now: number): Promise<void> {
    const { redis, control, log } = this.#context;
    const { account, schedule, state } = entry;
    const { reason } = dueOf(now, schedule, state);
    const run = newRunId(now);
    const claim = { run, reason, closesAt: closingOf(now, schedule, reason), startedAt: now, instead: '' };
    const ours = await claimRun(redis, account.key, claim);
    await this.#roster.refresh([account.key]);
    if (!ours) return;
    await control.start(account.key, run);
    log.info({ account: account.id, key: account.key, run, reason }, 'run begins');
  }

  /** The sessions of the run end by themselves: they know when its window closes. */
  async #hold(entry: Entry): Promise<void> {
    const { redis, log } = this.#context;
    const { account, state } = entry;
    if (!(await changeRun(redis, account.key, state.run, { held: true }))) return this.#roster.refresh([account.key]);
    entry.state = { ...state, held: true };
    await updateRun(redis, account.key, state.run, { state: 'paused' });
    log.info({ account: account.id, run: state.run }, 'window closed');
  }

  /** What its sessions left is queued again, as after a crash. */
  async #release(entry: Entry, now: number): Promise<void> {
    const { redis, control, log } = this.#context;
    const { account, schedule, state } = entry;
    const fields = { held: false, closesAt: closingOf(now, schedule, state.askedAt > 0 ? 'asked' : state.reason) };
    if (!(await changeRun(redis, account.key, state.run, fields))) return this.#roster.refresh([account.key]);
    entry.state = { ...state, ...fields };
    await updateRun(redis, account.key, state.run, { state: 'queued' });
    await control.reconcile(account.key, state.run);
    log.info({ account: account.id, run: state.run }, 'window open');
  }
}

async function inParts<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += startsAtOnce)
    await Promise.all(items.slice(at, at + startsAtOnce).map(work));
}

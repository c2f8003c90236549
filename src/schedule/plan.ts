/** The plan: which accounts begin a run now, which runs are held, what the others wait for. Pure: data in, data out. */
import { awaitedCutOver, dueOf } from './due.ts';
import type { Schedule } from './schedule.ts';
import type { RunReason, ScheduleState } from './state.ts';
import { type WindowState, windowsAt } from './windows.ts';

/** An account as the plan sees it. */
export interface PlanAccount {
  readonly key: string;
  /** Hosts, for their limits. */
  readonly source: string;
  readonly destination: string;
  readonly schedule: Schedule;
  readonly state: ScheduleState;
  /** Why a person has paused it; undefined while nobody has. */
  readonly paused?: string | undefined;
  /** What a budget or a server makes it wait for. */
  readonly wait?: { readonly untilMs: number; readonly because: string } | undefined;
}

/** How much may be under way. */
export interface Usage {
  readonly runsMax: number;
  /** Most runs at once that take longer than `longRunMs`. */
  readonly longRunsMax: number;
  readonly longRunMs: number;
  /** An account that has been due for this long counts as one priority higher. */
  readonly priorityAgeMs: number;
  /** Most runs at once of the accounts at a host, by its name; a host that is missing has no limit. */
  readonly hosts: Readonly<Record<string, number>>;
}

/** Something that an account waits for. `untilMs` is Infinity where no clock tells the end of it. */
export interface PlannedWait {
  readonly key: string;
  readonly untilMs: number;
  readonly because: string;
}

/** What is to be done now. */
export interface Plan {
  /** Accounts whose run begins now, in this order. */
  readonly start: readonly string[];
  /** Accounts whose run is under way and whose window has closed: it is paused. */
  readonly hold: readonly string[];
  /** Accounts whose held run goes on. */
  readonly release: readonly string[];
  /** Accounts that are due, or held, and have to wait. */
  readonly waits: readonly PlannedWait[];
  /** When the plan has to be made anew unless something happens before; Infinity for never. */
  readonly wakeAt: number;
}

interface Candidate {
  readonly account: PlanAccount;
  readonly held: boolean;
  readonly reason: RunReason;
  readonly level: number;
  readonly expectedMs: number;
  readonly dueAt: number;
}

const never = Number.POSITIVE_INFINITY;
const urgency: Record<RunReason, number> = { asked: 2, 'cut-over': 1, schedule: 0 };

/**
 * What follows from the state of all accounts at `now`. One run an account at most. Held runs go on first, then asked
 * runs, cut-overs, and the rest by priority, which grows with the time an account has been due; among equals the run
 * that took longest comes first, so that it is not the tail of the night.
 */
export function plan(now: number, accounts: readonly PlanAccount[], usage: Usage): Plan {
  return new Planning(now, usage).of(accounts);
}

/** When the window of a run closes that begins or goes on now for this reason; 0 for never. */
export function closingOf(now: number, { windows, zone }: Schedule, reason: RunReason): number {
  const { changesAt } = windowsAt(windows, zone, now);
  return reason === 'schedule' && changesAt !== never ? changesAt : 0;
}

class Planning {
  readonly #now: number;
  readonly #usage: Usage;
  readonly #windows = new Map<Schedule, WindowState>();
  readonly #candidates: Candidate[] = [];
  readonly #hosts = new Map<string, number>();
  readonly #hold: string[] = [];
  readonly #waits: PlannedWait[] = [];
  #runs = 0;
  #longRuns = 0;
  #wakeAt = never;

  constructor(now: number, usage: Usage) {
    this.#now = now;
    this.#usage = usage;
  }

  of(accounts: readonly PlanAccount[]): Plan {
    for (const account of accounts) {
      if (account.state.run === '') this.#lookAtIdle(account);
      else this.#lookAtLive(account);
    }
    const chosen = this.#candidates.sort(inOrder).filter((candidate) => this.#admits(candidate));
    const keys = (held: boolean) => chosen.filter((one) => one.held === held).map(({ account }) => account.key);
    return {
      start: keys(false),
      hold: this.#hold.sort(),
      release: keys(true),
      waits: this.#waits.sort((a, b) => (a.key < b.key ? -1 : 1)),
      wakeAt: this.#wakeAt,
    };
  }

  #lookAtLive(account: PlanAccount): void {
    const { schedule, state } = account;
    const { open, changesAt } = this.#windowsOf(schedule);
    // Whoever asks for a run while one is held does not wait for the night: it goes on, and another follows it.
    const bound = state.reason === 'schedule' && state.askedAt === 0;
    // A window closed and opened again while no scheduler looked: the sessions know only that it has closed.
    const held = state.held || (state.closesAt > 0 && state.closesAt <= this.#now);
    if (bound) this.#wake(changesAt);
    if (bound && !open) {
      if (!state.held) this.#hold.push(account.key);
      this.#wait(account, changesAt, 'its window is closed');
    } else if (this.#isKeptBack(account)) return;
    else if (held) this.#candidates.push(this.#candidate(account, state.reason, state.lastStartedAt));
    else this.#count(account, this.#now - state.lastStartedAt);
  }

  #lookAtIdle(account: PlanAccount): void {
    const { schedule, state } = account;
    const due = dueOf(this.#now, schedule, state);
    const cutOver = awaitedCutOver(schedule, state);
    if (cutOver > this.#now) this.#wake(cutOver);
    if (due.at > this.#now) this.#wake(due.at);
    if (due.at > this.#now || this.#isKeptBack(account)) return;
    const { open, changesAt } = this.#windowsOf(schedule);
    if (open || due.reason !== 'schedule') this.#candidates.push(this.#candidate(account, due.reason, due.at));
    else {
      this.#wake(changesAt);
      this.#wait(account, changesAt, 'its window is closed');
    }
  }

  /** A person, a budget or a server keeps the account from doing anything: what it has under way takes no place. */
  #isKeptBack(account: PlanAccount): boolean {
    const { paused, wait } = account;
    if (paused !== undefined) this.#wait(account, never, paused);
    else if (wait !== undefined && wait.untilMs > this.#now) {
      this.#wake(wait.untilMs);
      this.#wait(account, wait.untilMs, wait.because);
    } else return false;
    return true;
  }

  #candidate(account: PlanAccount, reason: RunReason, dueAt: number): Candidate {
    const { schedule, state } = account;
    const level = schedule.priority + Math.floor((this.#now - dueAt) / this.#usage.priorityAgeMs);
    // The first run takes all there is: it is the longest of all until it has shown itself.
    const expectedMs = state.lastMs > 0 ? state.lastMs : never;
    return { account, held: state.run !== '', reason, level, expectedMs, dueAt };
  }

  #admits({ account }: Candidate): boolean {
    const because = this.#fullness(account);
    if (because === undefined) this.#count(account, 0);
    else this.#wait(account, never, because);
    return because === undefined;
  }

  #fullness(account: PlanAccount): string | undefined {
    const { runsMax, longRunsMax, longRunMs, hosts } = this.#usage;
    if (this.#runs >= runsMax) return 'as many runs as runsMax allows are under way';
    const isLong = account.state.lastMs > longRunMs;
    if (isLong && this.#longRuns >= longRunsMax) return 'as many long runs as longRunsMax allows are under way';
    const full = hostsOf(account).find((host) => (this.#hosts.get(host) ?? 0) >= (hosts[host] ?? never));
    return full === undefined ? undefined : `as many runs as ${full} may have are under way`;
  }

  #count(account: PlanAccount, soFarMs: number): void {
    this.#runs += 1;
    if (Math.max(account.state.lastMs, soFarMs) > this.#usage.longRunMs) this.#longRuns += 1;
    for (const host of hostsOf(account)) this.#hosts.set(host, (this.#hosts.get(host) ?? 0) + 1);
  }

  #windowsOf(schedule: Schedule): WindowState {
    const known = this.#windows.get(schedule);
    if (known) return known;
    const found = windowsAt(schedule.windows, schedule.zone, this.#now);
    this.#windows.set(schedule, found);
    return found;
  }

  #wait({ key }: PlanAccount, untilMs: number, because: string): void {
    this.#waits.push({ key, untilMs, because });
  }

  #wake(at: number): void {
    this.#wakeAt = Math.min(this.#wakeAt, at);
  }
}

function hostsOf({ source, destination }: PlanAccount): string[] {
  return source === destination ? [source] : [source, destination];
}

function inOrder(a: Candidate, b: Candidate): number {
  if (a.held !== b.held) return a.held ? -1 : 1;
  if (a.reason !== b.reason) return urgency[b.reason] - urgency[a.reason];
  if (a.level !== b.level) return b.level - a.level;
  if (a.expectedMs !== b.expectedMs) return b.expectedMs > a.expectedMs ? 1 : -1;
  if (a.dueAt !== b.dueAt) return a.dueAt - b.dueAt;
  return a.account.key < b.account.key ? -1 : 1;
}

/** The roll of runs under way: which have ended since, which somebody else began, which a flush has swallowed. */
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Run } from '../ledger/run.ts';
import { afterRun, isClean } from './clean.ts';
import { dueOf } from './due.ts';
import type { Entry, Roster, ScheduledAccount } from './roster.ts';
import { asLogged } from './run-log.ts';
import { changeRun, claimRun, type ScheduleState } from './state.ts';

/** What the roll is given. */
export interface RollContext {
  readonly redis: RedisClient;
  readonly log: Log;
  /** Hears of the end of each run, at least once; `runsAgain`: the account has a further one to come. Must not throw. */
  readonly onEnded?: ((account: ScheduledAccount, run: Run, runsAgain: boolean) => Promise<void>) | undefined;
}

/** Keeps the states of the roster in step with the ledger's runs. */
export class Roll {
  readonly #redis: RedisClient;
  readonly #log: Log;
  readonly #onEnded: RollContext['onEnded'];
  readonly #roster: Roster;
  readonly #rung = new Set<string>();

  constructor({ redis, log, onEnded }: RollContext, roster: Roster) {
    this.#redis = redis;
    this.#log = log;
    this.#onEnded = onEnded;
    this.#roster = roster;
  }

  /** Remembers an account whose run may have ended. Returns false when none of it is under way. */
  rang(key: string): boolean {
    const known = (this.#roster.get(key)?.state.run ?? '') !== '';
    if (known) this.#rung.add(key);
    return known;
  }

  /** Reads accounts and states anew; runs under way that the states do not know are entered there. */
  async reload(accounts: readonly ScheduledAccount[], now: number): Promise<void> {
    const before = this.#roster.live();
    const found = await this.#roster.load(accounts, now);
    // A person began these elsewhere (`sync`): they know no windows.
    for (const { account, run } of found) await this.#enter(account, '', run.id, run.startedAt, 'asked');
    for (const { account, state } of before) {
      const blank = this.#roster.get(account.key)?.state;
      // Redis has forgotten the account: its run goes on, and run control begins it once more under the same id.
      if (blank?.run !== '' || blank.lastStartedAt > 0) continue;
      await this.#enter(account.key, '', state.run, state.lastStartedAt, state.reason, state.closesAt);
    }
  }

  /** Looks at the runs that rang, or at all that are under way. Returns how many have ended. */
  async call(all: boolean): Promise<number> {
    const keys = all ? this.#roster.live().map(({ account }) => account.key) : [...this.#rung];
    this.#rung.clear();
    let ended = 0;
    for (const { account, run } of await this.#roster.runsOf(keys)) {
      const entry = this.#roster.get(account);
      if (entry && run && entry.state.run !== '' && (await this.#hasEnded(entry, run))) ended += 1;
    }
    return ended;
  }

  async #hasEnded(entry: Entry, run: Run): Promise<boolean> {
    const { account, schedule, state } = entry;
    const other = run.id !== state.run;
    // An earlier run: this one was claimed and not begun, which is the reconciler's business.
    if (other && run.startedAt < state.lastStartedAt) return false;
    if (run.finishedAt === 0) {
      if (other) await this.#enter(account.key, state.run, run.id, run.startedAt, 'asked');
      return false;
    }
    const clean = isClean(run);
    const after = afterRun(schedule, state, clean, run.finishedAt);
    // Before it counts as seen: whoever comes after a crash finds it once more.
    await this.#onEnded?.(account, run, dueOf(run.finishedAt, schedule, after).at !== Number.POSITIVE_INFINITY);
    const { held, closesAt, lastFinishedAt, lastMs, cleanRuns, cleanFrom, doneAt } = after;
    const fields = { run: '', held, closesAt, lastFinishedAt, lastMs, cleanRuns, cleanFrom, doneAt };
    if (await changeRun(this.#redis, account.key, state.run, fields)) entry.state = after;
    else await this.#roster.refresh([account.key]);
    this.#log.info({ account: account.id, run: run.id, clean, ...asLogged(run) }, 'run ended');
    return true;
  }

  async #enter(
    key: string,
    instead: string,
    run: string,
    startedAt: number,
    reason: ScheduleState['reason'],
    closesAt = 0,
  ): Promise<void> {
    await claimRun(this.#redis, key, { run, instead, startedAt, reason, closesAt });
    await this.#roster.refresh([key]);
    this.#log.info({ account: this.#roster.get(key)?.account.id, key, run }, 'run goes on');
  }
}

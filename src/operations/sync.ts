/** Bringing every account up to date once. */
import { type Clock, systemClock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import { newRunId } from '../ground/run-id.ts';
import type { Settings } from '../ground/settings.ts';
import { type Run, readRunStandings, readRuns } from '../ledger/run.ts';
import type { Bell } from '../limits/bell.ts';
import { Tallier, type Tally } from '../progress/tally.ts';
import { accountReport, buildReport, type Report, type ReportedAccount } from '../report/report.ts';
import type { RunControl } from '../schedule/run-control.ts';
import { asLogged } from '../schedule/run-log.ts';

const startsAtOnce = 50;
/** Accounts looked at in one turn of Redis: one by one, ten thousand take longer than their runs. */
const readsAtOnce = 100;

/** The parts of the service that a sync needs. */
export interface SyncService {
  readonly redis: { readonly client: RedisClient };
  readonly bell: Bell;
  readonly control: Pick<RunControl, 'start' | 'reconcile'>;
  /** Waits for the sessions that run, and takes no new ones. */
  stopSessions(): Promise<void>;
}

/** What a sync is asked to do. */
export interface SyncOptions {
  readonly settings: Settings;
  readonly accounts: readonly ReportedAccount[];
  /** Opens the destination even when nothing is new. */
  readonly recheck: boolean;
  /** Ends the run early, at the next batch boundaries. */
  readonly signal: AbortSignal;
  /** Gets the begin and the end of each account's run. */
  readonly log?: Log;
  /** Called at the end of each account's run, once or more. Must not throw. */
  readonly onEnded?: ((account: ReportedAccount, run: Run) => Promise<void>) | undefined;
  /** Called with the counts now and then; where nobody wants them, nobody counts. */
  readonly onTally?: ((tally: Tally, now: number) => void) | undefined;
}

/** Runs every account once and reports. Throws MailhaulError when the run as a whole cannot go on. */
export async function sync(service: SyncService, options: SyncOptions): Promise<Report> {
  const run = new SyncRun(service, options);
  const report = await run.toEnd();
  if (!options.signal.aborted && !run.leftPaused) return report;
  // Sessions end in order before the counts are final.
  await service.stopSessions();
  return run.report();
}

class SyncRun {
  readonly #service: SyncService;
  readonly #options: SyncOptions;
  readonly #clock: Clock = systemClock;
  readonly #startedAt = this.#clock.now();
  readonly #id = newRunId(this.#startedAt);
  readonly #accounts: ReadonlyMap<string, ReportedAccount>;
  /** Accounts whose run has not ended. */
  readonly #open: Set<string>;
  /** Those of them that are paused: they are not waited for. */
  readonly #paused = new Set<string>();
  readonly #tallier: Tallier;

  constructor(service: SyncService, options: SyncOptions) {
    this.#service = service;
    this.#options = options;
    this.#accounts = new Map(options.accounts.map((account) => [account.key, account]));
    this.#open = new Set(options.accounts.map(({ key }) => key));
    this.#tallier = new Tallier(service.redis.client, options.accounts);
  }

  /** True when the run ended while accounts were paused. */
  get leftPaused(): boolean {
    return this.#open.size > 0;
  }

  async toEnd(): Promise<Report> {
    const stopped = new AbortController();
    const showing = this.#show(stopped.signal);
    try {
      await this.#startAll();
      await this.#untilEnded();
    } finally {
      stopped.abort();
      await showing;
    }
    return this.report();
  }

  async report(): Promise<Report> {
    const { client } = this.#service.redis;
    const accounts = [];
    for (const account of this.#options.accounts) accounts.push(await accountReport(client, account));
    return buildReport(this.#id, this.#startedAt, this.#clock.now(), accounts);
  }

  async #startAll(): Promise<void> {
    const keys = [...this.#open];
    const { recheck, settings } = this.#options;
    for (let at = 0; at < keys.length; at += startsAtOnce) {
      const part = keys.slice(at, at + startsAtOnce);
      await Promise.all(part.map((key) => this.#service.control.start(key, this.#id, recheck, settings.syncWaitMaxMs)));
      for (const key of part) this.#logOf(key)?.info({ key, reason: 'asked' }, 'run begins');
    }
  }

  /** Waits for the bells of accounts; now and then looks after runs that nobody may be working on. */
  async #untilEnded(): Promise<void> {
    const { bell, redis, control } = this.#service;
    const { settings, signal } = this.#options;
    const rung = new Set<string>(this.#open);
    let wake = () => {};
    const stop = bell.listen((account) => {
      rung.add(account);
      wake();
    });
    try {
      while (!signal.aborted) {
        const rang = [...rung];
        // Before it is looked: who rings meanwhile is looked at again, since he may have been read before he rang
        rung.clear();
        for (let at = 0; at < rang.length; at += readsAtOnce) {
          await this.#noteEnded(rang.slice(at, at + readsAtOnce), redis.client);
        }
        if (this.#open.size === this.#paused.size) return;
        if (rung.size > 0) continue;
        const waited = new AbortController();
        wake = () => waited.abort();
        const either = AbortSignal.any([waited.signal, signal]);
        const timedOut = await this.#clock.wait(settings.reconcileMs, either).then(
          () => true,
          () => false,
        );
        if (!timedOut) continue;
        for (const key of [...this.#open]) {
          await control.reconcile(key, this.#id, this.#options.recheck, settings.syncWaitMaxMs);
        }
      }
    } finally {
      stop();
    }
  }

  #logOf(key: string): Log | undefined {
    return this.#options.log?.child({ account: this.#accounts.get(key)?.id, run: this.#id });
  }

  async #noteEnded(keys: readonly string[], redis: RedisClient): Promise<void> {
    const open = keys.filter((key) => this.#open.has(key));
    // Each batch rings: whether that was the end is asked first.
    const standings = await readRunStandings(redis, open);
    const ended: string[] = [];
    for (const [at, key] of open.entries()) {
      const own = standings[at]?.id === this.#id ? standings[at] : undefined;
      if (own && own.finishedAt > 0) ended.push(key);
      if (own && own.finishedAt === 0 && own.state === 'paused') this.#paused.add(key);
      else this.#paused.delete(key);
    }
    const runs = await readRuns(redis, ended);
    for (const [at, key] of ended.entries()) await this.#noteEnd(key, runs[at]);
  }

  async #noteEnd(key: string, run: Run | undefined): Promise<void> {
    if (run?.id !== this.#id) return;
    this.#open.delete(key);
    this.#logOf(key)?.info(asLogged(run), 'run ended');
    const account = this.#accounts.get(key);
    if (account) await this.#options.onEnded?.(account, run);
  }

  /** Shows the counts until the run ends, and once more then. Counting takes at most a twentieth of the time. */
  async #show(stopped: AbortSignal): Promise<void> {
    const { settings, onTally } = this.#options;
    if (!onTally) return;
    for (let last = false; !last; ) {
      last = stopped.aborted;
      const began = performance.now();
      const tally = await this.#tallier.tally(this.#id).catch(() => undefined);
      if (tally) onTally(tally, this.#clock.now());
      const pause = Math.max(settings.progressMs, 20 * (performance.now() - began));
      if (!last) await this.#clock.wait(pause, stopped).catch(() => {});
    }
  }
}

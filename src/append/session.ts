/**
 * One append session: take the destination login's lease, open its connections, and carry the account's batches over
 * in their order, until none came for a while.
 */
import { type Clock, systemClock } from '../ground/clock.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { ImapEndpoint } from '../imap/door.ts';
import { noteAppend } from '../ledger/append-state.ts';
import { forgetBatch } from '../ledger/batches.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import { readRun, updateRun } from '../ledger/run.ts';
import { hasLedger } from '../ledger/table.ts';
import type { Bell } from '../limits/bell.ts';
import { installFence, Lease, loginKey } from '../limits/lease.ts';
import { BudgetSpent, type SessionBudget } from '../limits/session-budget.ts';
import type { Wait } from '../limits/waits.ts';
import { withinBudget } from '../limits/within-budget.ts';
import type { Spool } from '../spool/spool.ts';
import { Appender } from './appender.ts';
import { Backlog } from './backlog.ts';
import { Batch, type BatchScope } from './batch.ts';
import { BatchHauler } from './batch-hauler.ts';
import type { Destination, DestinationOptions } from './destination.ts';
import { endNeedless, lookFirst } from './first-look.ts';
import { asFull, waitAfter } from './full-mailbox.ts';
import { InFlight } from './in-flight.ts';
import { noteAlerts } from './notices.ts';
import { openDestination } from './pace.ts';
import type { Refusals } from './refusals.ts';
import { type RuleOwner, RuleSet } from './rules/rule-set.ts';
import { isOver, noteFindings } from './session-end.ts';

/** What an append session needs from outside. */
export interface AppendContext extends Partial<Pick<DestinationOptions, 'kept' | 'extra'>> {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly spool: Spool;
  readonly bell: Bell;
  readonly log: Log;
  readonly clock?: Clock;
  /** Ends the session at the next batch boundary. */
  readonly signal: AbortSignal;
  /** Ends it at once, with its connections. */
  readonly cut?: AbortSignal;
}

/** Whose mail goes where. */
export interface AppendTask extends RuleOwner {
  readonly account: string;
  readonly runId: string;
  readonly endpoint: ImapEndpoint;
  /** `imap_mailbox`. */
  readonly mailbox: string;
  /** True when the destination is known to change what it stores. */
  readonly rewrites: boolean;
}

/** How a session ended: `done` when no batch was left, `refetch` when some are to be fetched again, `busy` when another session has the login. */
export type AppendEnd = 'done' | 'refetch' | 'busy' | 'budget' | 'interrupted' | 'superseded';

/** Runs one session. Throws MailhaulError; what was answered before is settled. */
export async function appendSession(task: AppendTask, context: AppendContext): Promise<AppendEnd | Wait> {
  const { redis, settings } = context;
  const lease = await Lease.take(redis, loginKey('imap', task.endpoint), settings.leaseMs, context.cut);
  if (!lease) return 'busy';
  try {
    const work = withinBudget('destination', task, context, lease, (budget) => serve(task, context, lease, budget));
    return await work.catch((error) => endNeedless(task, context, error));
  } finally {
    await lease.release();
  }
}

async function serve(
  task: AppendTask,
  context: AppendContext,
  lease: Lease,
  budget: SessionBudget,
): Promise<AppendEnd | Wait> {
  const { redis, settings, spool, kept, extra, signal: release } = context;
  const run = await readRun(redis, task.account);
  if (run?.id !== task.runId) return 'superseded';
  await installFence(redis, task.account, lease);
  await noteAppend(redis, task.account, spool.id, 'active');
  const ruleSet = await RuleSet.of(task, settings);
  const forgotten = !(await hasLedger(redis, task.account));
  const connections = { kept, extra, release, recheck: run.recheck, looksFirst: run.recheck || forgotten };
  const destination = await openDestination(task, { redis, settings, lease, budget, ruleSet, ...connections });
  try {
    context.log.info({ kind: 'append', host: task.endpoint.host }, 'session begins');
    const now = { destinationOpened: 1, state: 'running', rewritesAt: task.rewrites ? task.endpoint.host : '' };
    await updateRun(redis, task.account, task.runId, now);
    const backlog = new Backlog(redis, task.account, spool.id);
    const scope = { redis, spool, account: task.account, token: lease.token, run: run.number, backlog };
    const ended = await new Session({ ...task, ruleSet }, context, scope, destination, budget, forgotten).run(
      connections.looksFirst ? () => lookFirst(task, context, destination, budget) : undefined,
    );
    await noteFindings(task, context, destination, budget);
    await destination.close();
    return ended;
  } catch (error) {
    destination.destroy();
    throw error;
  } finally {
    await noteAlerts(redis, task.account, task.endpoint.host, destination.channels.takeAlerts()).catch(() => {});
  }
}

class Session {
  readonly #task: AppendTask;
  readonly #context: AppendContext;
  readonly #scope: BatchScope;
  readonly #destination: Destination;
  readonly #inFlight = new InFlight();
  readonly #hauler: BatchHauler;
  readonly #refusals: Refusals;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #budget: SessionBudget;
  readonly #open = new Map<string, Batch>();
  #bytes = 0;
  #batches = 0;
  #damaged = false;

  constructor(
    task: AppendTask & { readonly ruleSet: RuleSet },
    context: AppendContext,
    scope: BatchScope,
    destination: Destination,
    budget: SessionBudget,
    forgotten: boolean,
  ) {
    this.#budget = budget;
    this.#task = task;
    this.#context = context;
    this.#scope = scope;
    this.#destination = destination;
    this.#clock = context.clock ?? systemClock;
    this.#startedAt = this.#clock.now();
    const { ruleSet, endpoint } = task;
    const { settings, log } = context;
    const common = { scope, settings, destination, inFlight: this.#inFlight, clock: this.#clock };
    const appender = new Appender({ ...common, host: endpoint.host, user: endpoint.user, budget, log });
    this.#refusals = appender.refusals;
    this.#hauler = new BatchHauler({ ...common, ruleSet, appender, forgotten });
  }

  /** Does all that there is to do, after what is to be done `first`; nothing where that says so. */
  async run(first: (() => Promise<boolean>) | undefined): Promise<AppendEnd | Wait> {
    try {
      if (first && !(await first())) return 'done';
      for (;;) {
        const end = await this.#nextBatches();
        if (end) return end;
      }
    } catch (thrown) {
      const error = await this.#afterSpent(asFull(thrown));
      if (error instanceof BudgetSpent)
        return await waitAfter(error, this.#task, this.#context, this.#clock, this.#destination);
      // The connection is about to be dropped: what is under way ends with it, and then the files may be closed.
      this.#destination.destroy();
      await this.#inFlight.quietly();
      throw error;
    } finally {
      if (this.#batches > 0) this.#context.log.info({ batches: this.#batches, bytes: this.#bytes }, 'mail given');
      for (const batch of this.#open.values()) await batch.close();
    }
  }

  /** Carries the batches that wait, or waits for one. Returns how the session ended, or undefined while it goes on. */
  async #nextBatches(): Promise<AppendEnd | undefined> {
    const { bell, settings, signal } = this.#context;
    const next = bell.next(this.#task.account, settings.appendIdleMs, signal);
    try {
      this.#inFlight.check();
      const settled = this.#inFlight.size + this.#refusals.size === 0;
      const waiting = await this.#scope.backlog.waiting();
      for (const name of this.#open.keys()) if (!waiting.includes(name)) this.#open.delete(name);
      const fresh = waiting.filter((name) => !this.#open.has(name));
      for (const name of fresh) {
        const end = this.#limit();
        if (end) return await this.#finish(end);
        await this.#carry(name);
        if (this.#refusals.crowded) await this.#finish('budget');
      }
      if (fresh.length > 0) return undefined;
      const end = this.#limit();
      if (end) return await this.#finish(end);
      // A Redis that went back to an earlier moment: who begins anew looks at the destination first.
      if (settled && waiting.length > 0) throw new MailhaulError('lease-lost', { what: 'a batch that was settled' });
      if (this.#inFlight.size > 0) await Promise.race([next.rung, this.#inFlight.drain()]);
      else if (this.#refusals.size > 0) await this.#refusals.retryWhenDue(next.rung);
      else if (waiting.length === 0 && (await this.#isOver(next.rung))) return this.#damaged ? 'refetch' : 'done';
      return undefined;
    } finally {
      next.cancel();
    }
  }

  async #carry(name: string): Promise<void> {
    const { redis, spool, account } = this.#scope;
    try {
      const batch = await Batch.open(name, this.#scope);
      this.#open.set(name, batch);
      this.#bytes += batch.file.manifest.bytes;
      await this.#hauler.haul(batch);
      this.#batches += 1;
      await this.#destination.droppedFlags.note(redis, account);
      this.#context.log.debug({ batch: name }, 'batch sent');
    } catch (error) {
      if (!(error instanceof MailhaulError) || error.code !== 'spool-damaged') throw error;
      // Its messages become unfetched again: the next download session takes them once more.
      await forgetBatch(redis, account, spool.id, name);
      await spool.remove(account, name);
      await noteProblem(redis, account, problemOf(error));
      this.#damaged = true;
    }
  }

  #limit(): AppendEnd | undefined {
    const { settings, signal } = this.#context;
    if (signal.aborted) return 'interrupted';
    const over =
      this.#bytes >= settings.sessionMaxBytes || this.#clock.now() - this.#startedAt >= settings.sessionMaxMs;
    return over || this.#budget.shouldYield ? 'budget' : undefined;
  }

  /** What was sent before a budget ran out is answered and settled first; its failure counts for more. */
  async #afterSpent(thrown: unknown): Promise<unknown> {
    if (!(thrown instanceof BudgetSpent)) return thrown;
    return this.#inFlight.drain().then(
      () => thrown,
      (error: unknown) => error,
    );
  }

  async #finish(end: AppendEnd): Promise<AppendEnd> {
    await this.#inFlight.drain();
    if (end === 'budget') await this.#refusals.finish(this.#context.signal);
    return end;
  }

  #isOver(rung: Promise<void>): Promise<boolean> {
    const note = () => noteFindings(this.#task, this.#context, this.#destination, this.#budget);
    return isOver(this.#task, this.#context, this.#clock, rung, note);
  }
}

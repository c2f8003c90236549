/** Run control: what follows when a session ends, so that every run comes to an end and no work is forgotten. */
import type { Clock } from '../ground/clock.ts';
import { asMailhaulError, type MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { noteAppend, queueAppend } from '../ledger/append-state.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import { finishRunIfDone, type Run, readRun, startRun, updateRun } from '../ledger/run.ts';
import type { Bell } from '../limits/bell.ts';
import type { Queues, SessionJob, SessionKind } from './queues.ts';

/** How long a session waits for a lease that another has. */
const busyMs = 300;

/** What run control works with. */
export interface RunControlContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly queues: Queues;
  readonly bell: Bell;
  /** Id of the spool whose append sessions this process queues. */
  readonly spool: string;
  readonly log: Log;
  readonly clock: Clock;
}

/** Starts runs, queues their sessions, and ends them. */
export class RunControl {
  readonly #context: RunControlContext;

  constructor(context: RunControlContext) {
    this.#context = context;
  }

  /** Starts a run of an account; batches that an earlier one left in the spool are part of it. */
  async start(account: string, run: string, recheck = false): Promise<void> {
    const { redis, clock } = this.#context;
    await startRun(redis, account, run, clock.now(), recheck);
    await this.#queue('download', { account, run, tries: 0, mark: 0 });
    if ((await redis.zcard(accountKeys.batches(account, this.#context.spool))) > 0) await this.announce(account, run);
  }

  /** Mail is coming, or waits in the spool: an append session is queued unless there is one. */
  async announce(account: string, run: string): Promise<void> {
    const { redis, bell, spool, queues } = this.#context;
    const number = await queueAppend(redis, account, spool, run);
    if (number > 0) {
      await redis.hset(accountKeys.run(account), 'appendJob', number);
      await queues.add('append', { account, run, tries: 0, mark: 0 }, number);
    }
    bell.ring(account);
  }

  /** A session ended: `done`, or it goes on in another one after `delayMs`. */
  async ended(kind: SessionKind, job: SessionJob, end: string): Promise<void> {
    if (end === 'superseded' || end === 'interrupted') return;
    if (end === 'busy') return this.#queue(kind, job, busyMs);
    if (end !== 'done') return this.#queue(kind, { ...job, tries: 0 }, end === 'hold' ? busyMs : 0);
    if (kind === 'download') await this.#note(kind, job, 'done');
    await this.#finishIfDone(job);
  }

  /** A session failed: it is tried again after a wait, or the account has failed for this run. */
  async failed(kind: SessionKind, job: SessionJob, thrown: unknown): Promise<void> {
    const { settings, log, redis } = this.#context;
    const error = asMailhaulError(thrown);
    const { account, run } = job;
    const mark = progressOf(kind, await readRun(redis, account));
    const tries = mark > job.mark ? 0 : job.tries;
    const waitMs = settings.retryWaitsMs[tries];
    const again = error.retry === 'soon' && waitMs !== undefined;
    log.warn(
      { account, run, code: error.code, again, err: error.code === 'unexpected' ? error : undefined },
      error.message,
    );
    if (!again) return this.#giveUp(kind, job, error);
    await updateRun(redis, account, run, { state: 'waiting', error: error.message });
    await this.#queue(kind, { account, run, tries: tries + 1, mark }, waitMs);
  }

  /** Looks after a run that nobody may be working on: a job that is missing is queued again. */
  async reconcile(account: string, runId: string): Promise<void> {
    const { redis, queues, spool } = this.#context;
    const run = await readRun(redis, account);
    if (run?.id !== runId) return this.start(account, runId);
    if (run.finishedAt > 0) return this.#context.bell.ring(account);
    const job = { account, run: runId, tries: 0, mark: 0 };
    const [downloadJob, appendJob, session, waiting] = await Promise.all([
      redis.hget(accountKeys.run(account), 'downloadJob'),
      redis.hget(accountKeys.run(account), 'appendJob'),
      redis.hget(accountKeys.appendSessions(account), spool),
      redis.zcard(accountKeys.batches(account, spool)),
    ]);
    const open = run.download === 'queued' || run.download === 'active';
    if (open && !(await queues.has('download', job, Number(downloadJob)))) await this.#queue('download', job);
    if (session === null && waiting > 0) await this.announce(account, runId);
    const queued = session === 'queued' || session === 'active';
    if (queued && !(await queues.has('append', job, Number(appendJob)))) await this.#queue('append', job);
    await this.#finishIfDone(job);
  }

  async #queue(kind: SessionKind, job: SessionJob, delayMs = 0): Promise<void> {
    const { redis, queues } = this.#context;
    const number = await redis.hincrby(accountKeys.run(job.account), 'jobs', 1);
    await redis.hset(accountKeys.run(job.account), `${kind}Job`, number);
    await queues.add(kind, job, number, delayMs);
  }

  async #giveUp(kind: SessionKind, job: SessionJob, error: MailhaulError): Promise<void> {
    const { redis } = this.#context;
    await noteProblem(redis, job.account, problemOf(error));
    await updateRun(redis, job.account, job.run, { error: error.message });
    await this.#note(kind, job, 'failed');
    await this.#finishIfDone(job);
  }

  async #note(kind: SessionKind, job: SessionJob, state: 'done' | 'failed'): Promise<void> {
    const { redis, spool } = this.#context;
    if (kind === 'download') await updateRun(redis, job.account, job.run, { download: state });
    else await noteAppend(redis, job.account, spool, 'failed');
  }

  async #finishIfDone({ account, run }: Pick<SessionJob, 'account' | 'run'>): Promise<void> {
    const { redis, clock, bell } = this.#context;
    await finishRunIfDone(redis, account, run, clock.now());
    bell.ring(account);
  }
}

/** A number that grows when a session of this kind gets anywhere. */
function progressOf(kind: SessionKind, run: Run | undefined): number {
  if (!run) return 0;
  return kind === 'download' ? run.downloaded : run.appended + run.duplicate + run.refused;
}

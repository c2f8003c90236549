/** Run control: what follows when a session ends, so that every run comes to an end and no work is forgotten. */
import { asMailhaulError, MailhaulError, unexpected } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import { appendGaveUp, leaveAppend, noteAppend, queueAppend } from '../ledger/append-state.ts';
import { forgetSpool, spoolsWithBatches } from '../ledger/batches.ts';
import { fullSince, isFull } from '../ledger/full-mailbox.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import { readRun, startRun, updateRun } from '../ledger/run.ts';
import { finishRunIfDone, noteLoss } from '../ledger/run-end.ts';
import { hintOf, hintText, hintWaitMs } from '../limits/hints.ts';
import { spoolUnservedMs } from '../limits/spool-service.ts';
import { noteWait, timeText, untilText, type Wait } from '../limits/waits.ts';
import type { SessionJob, SessionKind } from './queues.ts';
import { lookAgainMs } from './room.ts';
import type { RunControlContext } from './run-control-context.ts';
import { logOf } from './run-log.ts';
import { downloadJob, jobField, progressOf, sideOf } from './session-jobs.ts';

/** How long a session waits for a lease that another has. */
const busyMs = 300;

/** Starts runs, queues their sessions, and ends them. */
export class RunControl {
  readonly #context: RunControlContext;

  constructor(context: RunControlContext) {
    this.#context = context;
  }

  /**
   * Starts a run of an account; batches that an earlier one left in the spool are part of it. It waits for budgets and
   * servers at most `waitMaxMs` at a time, and as long as it takes with 0.
   */
  async start(account: string, run: string, recheck = false, waitMaxMs = 0): Promise<void> {
    const { redis, clock, bell, settings } = this.#context;
    await startRun(redis, account, run, clock.now(), recheck, waitMaxMs, settings.runHistoryMax);
    bell.ring(account);
    if (await this.#standsStill(account, run)) return;
    await this.#queue('download', downloadJob(account, run));
    for (const spool of await spoolsWithBatches(redis, account)) await this.announce(account, run, spool);
  }

  /** A session ended, or did not begin, because its account is paused: the run stays open until `resume`. */
  async paused({ account, run, spool }: Pick<SessionJob, 'account' | 'run' | 'spool'>): Promise<void> {
    if (spool !== '') await leaveAppend(this.#context.redis, account, spool, run);
    await updateRun(this.#context.redis, account, run, { state: 'paused' });
    this.#context.bell.ring(account);
  }

  /** The pause of an account was lifted, or what it waits for is there: what is unfinished of its run is queued again. */
  async resume(account: string): Promise<void> {
    const run = await readRun(this.#context.redis, account);
    if (!run || run.finishedAt > 0) return;
    if (run.state === 'paused') await updateRun(this.#context.redis, account, run.id, { state: 'queued' });
    await this.reconcile(account, run.id, run.recheck);
    // Whoever gave a full mailbox room need not wait for the next look at it.
    if (!(await isFull(this.#context.redis, account)) || (await this.#context.isPaused?.(account))) return;
    if (await appendGaveUp(this.#context.redis, account)) return;
    for (const spool of await spoolsWithBatches(this.#context.redis, account)) {
      await this.#queue('append', { ...downloadJob(account, run.id), spool });
    }
  }

  /** Mail is coming into a spool, or waits there: an append session is queued unless there is one. */
  async announce(account: string, run: string, spool: string): Promise<void> {
    const { redis, bell, queues } = this.#context;
    const queued = queueAppend(redis, account, spool, run);
    // In one write with it: as a rule there is a session, which is to hear of the batch.
    bell.ring(account);
    const number = await queued;
    if (number === 0) return;
    const job = { ...downloadJob(account, run), spool };
    await redis.hset(accountKeys.run(account), jobField('append', job), number);
    await queues.add('append', job, number);
  }

  /** A session ended: `done`, or it goes on in another one, after a wait where it ended with one. */
  async ended(kind: SessionKind, job: SessionJob, end: string | Wait): Promise<void> {
    if (end === 'superseded' || !(await this.#isCurrent(job))) return;
    // The next batch, or whoever goes on with the run, must not take this session for one that works.
    if (end === 'interrupted') return leaveAppend(this.#context.redis, job.account, job.spool, job.run);
    if (typeof end !== 'string') return this.#wait(kind, job, end);
    const gaveUp = end === 'hold' || end === 'full' ? await appendGaveUp(this.#context.redis, job.account) : undefined;
    if (gaveUp) return this.#endHold(job, gaveUp);
    if (end === 'busy' || end === 'unserved') return this.#queue(kind, job, busyMs);
    if (end === 'refetch') return this.#refetch(job);
    if (end === 'probed') await updateRun(this.#context.redis, job.account, job.run, { probed: 1 });
    if (end === 'more') await updateRun(this.#context.redis, job.account, job.run, { draining: 1 });
    if (end === 'full') return this.#queue(kind, { ...job, tries: 0 }, await lookAgainMs(this.#context, job, busyMs));
    if (end !== 'done') return this.#queue(kind, { ...job, tries: 0 }, end === 'hold' ? busyMs : 0);
    if (kind === 'download') await this.#note(kind, job, 'done');
    await this.#finishIfDone(job);
  }

  /** A session failed: it is tried again after a wait, or the account has failed for this run. */
  async failed(kind: SessionKind, job: SessionJob, thrown: unknown): Promise<void> {
    const { settings, redis } = this.#context;
    if (!(await this.#isCurrent(job))) return;
    const error = asMailhaulError(thrown);
    const { account, run } = job;
    const mark = progressOf(kind, await readRun(redis, account));
    const tries = mark > job.mark ? 0 : job.tries;
    if (error.retry === 'soon' && hintOf(error))
      return this.#obey(kind, { ...job, tries, mark }, error, mark > job.mark);
    const waitMs = settings.retryWaitsMs[tries];
    const again = error.retry === 'soon' && waitMs !== undefined;
    const { code, message: reason } = error;
    const log = await logOf(this.#context, job);
    log.warn({ kind, code, again, reason, err: unexpected(error) }, 'session failed');
    if (!again) return this.#giveUp(kind, job, error);
    await updateRun(redis, account, run, { state: 'waiting', error: error.message });
    await this.#queue(kind, { ...job, tries: tries + 1, mark }, waitMs);
  }

  /** Looks after a run that nobody may be working on: a job that is missing is queued again. */
  async reconcile(account: string, runId: string, recheck = false, waitMaxMs = 0): Promise<void> {
    const { redis, queues } = this.#context;
    const run = await readRun(redis, account);
    if (run?.id !== runId) return this.start(account, runId, recheck, waitMaxMs);
    if (run.finishedAt > 0) return this.#context.bell.ring(account);
    if (await this.#standsStill(account, runId)) return;
    const job = downloadJob(account, runId);
    const number = Number(await redis.hget(accountKeys.run(account), jobField('download', job)));
    const open = run.download === 'queued' || run.download === 'active';
    if (open && !(await queues.has('download', job, number))) await this.#queue('download', job);
    for (const spool of await spoolsWithBatches(redis, account)) await this.#reconcileSpool({ ...job, spool });
    await this.#finishIfDone(job);
  }

  /** True for a paused account: its run says so, and no session is queued for it. */
  async #standsStill(account: string, run: string): Promise<boolean> {
    if (!(await this.#context.isPaused?.(account))) return false;
    await this.paused({ account, run, spool: '' });
    return true;
  }

  async #reconcileSpool(job: SessionJob): Promise<void> {
    const { redis, queues, settings, clock } = this.#context;
    const { account, spool } = job;
    const unservedMs = await spoolUnservedMs(redis, spool, clock.now());
    if (unservedMs >= settings.spoolLostAfterMs) return this.#dropSpool(job, unservedMs);
    const state = await redis.hget(accountKeys.appendSessions(account), spool);
    if (state === null) return this.announce(account, job.run, spool);
    if (state === 'failed' || state === 'left') return;
    const number = Number(await redis.hget(accountKeys.run(account), jobField('append', job)));
    if (!(await queues.has('append', job, number))) await this.#queue('append', job);
  }

  /** The spool is gone: its messages become unfetched again, and this run fetches them once more. */
  async #dropSpool(job: SessionJob, unservedMs: number): Promise<void> {
    const { account, run, spool } = job;
    // Before anything is forgotten, and after: in between a session may end, or list.
    await noteLoss(this.#context.redis, account, run);
    const count = await forgetSpool(this.#context.redis, account, spool);
    const lost = { spool, minutes: Math.round(unservedMs / 60_000), count };
    await noteProblem(this.#context.redis, account, problemOf(new MailhaulError('spool-lost', lost)));
    await this.#refetch(job);
  }

  /** What was spooled is lost: a download takes it again in this run, behind one that is under way. */
  async #refetch(job: SessionJob): Promise<void> {
    await noteLoss(this.#context.redis, job.account, job.run);
    await this.#finishIfDone(job);
  }

  async #queue(kind: SessionKind, job: SessionJob, delayMs = 0): Promise<void> {
    const { redis, queues } = this.#context;
    const number = await redis.hincrby(accountKeys.run(job.account), 'jobs', 1);
    await redis.hset(accountKeys.run(job.account), jobField(kind, job), number);
    await queues.add(kind, job, number, delayMs);
  }

  /** The server is busy or throttles: it is left alone as long as it asked, and so often that this is no failure. */
  async #obey(kind: SessionKind, job: SessionJob, error: MailhaulError, gotFurther: boolean): Promise<void> {
    const { redis, settings, clock } = this.#context;
    const { account } = job;
    const [key, field] = [accountKeys.run(account), `hints:${jobField(kind, job)}`];
    if (gotFurther) await redis.hdel(key, field);
    const count = await redis.hincrby(key, field, 1);
    const log = await logOf(this.#context, job);
    log.warn({ kind, code: error.code, again: count <= settings.hintTries, reason: error.message }, 'session failed');
    if (count > settings.hintTries) return this.#giveUp(kind, job, error);
    const untilMs = clock.now() + hintWaitMs(hintOf(error)!, count, settings);
    await this.#wait(kind, job, { side: sideOf(kind), untilMs, because: hintText(error) });
  }

  /** The session goes on when the wait is over; a run that may not wait so long leaves the rest to a later one. */
  async #wait(kind: SessionKind, job: SessionJob, wait: Wait): Promise<void> {
    const { redis, clock } = this.#context;
    const { account, run: runId } = job;
    const now = clock.now();
    const waitMs = Math.max(0, Math.ceil(wait.untilMs - now));
    const { waitMaxMs = 0 } = (await readRun(redis, account)) ?? {};
    await noteWait(redis, account, wait);
    if (wait.error) await noteProblem(redis, account, problemOf(wait.error));
    const log = await logOf(this.#context, job);
    log[wait.error ? 'warn' : 'debug']({ kind, waitMs, because: wait.because }, 'session waits');
    await this.#context.onWait?.(account, wait, now);
    const since = wait.error ? await fullSince(redis, account, now) : now;
    if (waitMaxMs === 0 || wait.untilMs <= since + waitMaxMs) {
      await updateRun(redis, account, runId, { state: 'waiting', error: untilText(wait, now) });
      return this.#queue(kind, job, waitMs);
    }
    const details = { until: timeText(wait.untilMs, now), because: wait.because };
    if (!wait.error) await noteProblem(redis, account, problemOf(new MailhaulError('budget-waits', details)));
    await this.#note(kind, job, 'left');
    await this.#finishIfDone(job);
  }

  async #giveUp(kind: SessionKind, job: SessionJob, error: MailhaulError): Promise<void> {
    const { redis } = this.#context;
    if (kind === 'download' && (await readRun(redis, job.account))?.draining) return this.#endDrain(job, error);
    await noteProblem(redis, job.account, problemOf(error));
    await updateRun(redis, job.account, job.run, { error: error.message });
    await this.#note(kind, job, 'failed');
    await this.#finishIfDone(job);
  }

  /** The spool is full of mail that nobody appends in this run: waiting for space would have no end. */
  async #endHold(job: SessionJob, state: 'failed' | 'left'): Promise<void> {
    await this.#note('download', job, state);
    await this.#finishIfDone(job);
  }

  /** A session that outlived its run, paused or cut off, changes nothing of the next one. */
  async #isCurrent({ account, run }: SessionJob): Promise<boolean> {
    return (await readRun(this.#context.redis, account))?.id === run;
  }

  /** All that was listed is taken; only the look for more came to nothing. */
  async #endDrain(job: SessionJob, error: MailhaulError): Promise<void> {
    const host = String(error.details['host'] ?? 'the source');
    const problem = problemOf(new MailhaulError('drain-unfinished', { host, reason: error.message }));
    await noteProblem(this.#context.redis, job.account, problem);
    await this.ended('download', job, 'done');
  }

  async #note(kind: SessionKind, job: SessionJob, state: 'done' | 'failed' | 'left'): Promise<void> {
    const { redis } = this.#context;
    if (kind === 'download') await updateRun(redis, job.account, job.run, { download: state });
    else await noteAppend(redis, job.account, job.spool, state === 'left' ? 'left' : 'failed');
  }

  async #finishIfDone({ account, run }: Pick<SessionJob, 'account' | 'run'>): Promise<void> {
    const { redis, clock, bell } = this.#context;
    const end = await finishRunIfDone(redis, account, run, clock.now());
    if (end === 'lost') await this.#queue('download', downloadJob(account, run));
    bell.ring(account);
  }
}

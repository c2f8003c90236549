/**
 * The queues: BullMQ says when a session may begin, and nothing else (design §3). It delivers at least once, so every
 * session takes a lease; a job is one session and its payload holds ids only. This file owns bullmq.
 */

import { DelayedError, type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import { inTime, untilAborted } from '../ground/clock.ts';
import { globalKeys } from '../ground/keys.ts';
import type { Log } from '../ground/log.ts';
import type { RedisHandle } from '../ground/redis.ts';

/** The payload of a job. */
export interface SessionJob {
  /** Key of the account. */
  readonly account: string;
  /** Id of the run. */
  readonly run: string;
  /** How often this session failed in a row. */
  readonly tries: number;
  /** What was done when the last try began, to see whether the next got any further. */
  readonly mark: number;
  /** Id of the spool whose batches an append session takes; empty for downloads, which any host may do. */
  readonly spool: string;
}

/** The two kinds of sessions. */
export type SessionKind = 'download' | 'append';

/** Jobs of one queue. */
export interface QueueDepth {
  readonly active: number;
  readonly waiting: number;
  /** Jobs whose time has not come. */
  readonly delayed: number;
}

/** A queue to look at: what changes it is left out. */
export type QueueView = Pick<
  Queue<SessionJob>,
  | 'name'
  | 'getJob'
  | 'getJobs'
  | 'getJobCounts'
  | 'getJobLogs'
  | 'getJobSchedulers'
  | 'getJobSchedulersCount'
  | 'getWorkers'
  | 'isPaused'
>;

/** Does the work of a job; `lost` is aborted when BullMQ gave the job to somebody else. */
export type JobHandler = (job: SessionJob, lost: AbortSignal) => Promise<void>;

/** What BullMQ gets to close a queue that nothing runs from. */
const closeMs = 1000;

/** The queues: one for downloads, and one for the appends of each spool. */
export class Queues {
  readonly #handle: RedisHandle;
  readonly #log: Log;
  readonly #lockMs: number;
  readonly #queues = new Map<string, Queue<SessionJob>>();
  readonly #workers: Worker<SessionJob>[] = [];
  /** Handlers that run. */
  #closing = false;
  readonly #handling = new Set<Promise<void>>();

  /** `lockMs` is how long a job stays with a worker that has died. */
  constructor(handle: RedisHandle, log: Log, lockMs: number) {
    this.#lockMs = lockMs;
    this.#handle = handle;
    this.#log = log;
  }

  /** Connects the queue of downloads ahead of the first job: every run begins with one. */
  open(): void {
    this.#queue(queueName('download', ''));
  }

  /** Queues a session. The number makes the job's id unique in its run; a job that is there already is not added again. */
  async add(kind: SessionKind, job: SessionJob, number: number, delayMs = 0): Promise<void> {
    await this.#queue(queueName(kind, job.spool)).add(kind, job, {
      jobId: jobId(job, kind, number),
      delay: delayMs,
      attempts: 1,
      removeOnComplete: true,
      removeOnFail: true,
    });
  }

  /** True while the job waits, is delayed or runs. */
  async has(kind: SessionKind, job: Omit<SessionJob, 'tries' | 'mark'>, number: number): Promise<boolean> {
    return (await this.#queue(queueName(kind, job.spool)).getJob(jobId(job, kind, number))) !== undefined;
  }

  /** How many sessions of a kind run, and how many jobs wait for their turn or their time. */
  async depth(kind: SessionKind, spool: string): Promise<QueueDepth> {
    const counts = await this.#queue(queueName(kind, spool)).getJobCounts('active', 'wait', 'prioritized', 'delayed');
    const { active = 0, wait = 0, prioritized = 0, delayed = 0 } = counts;
    return { active, waiting: wait + prioritized, delayed };
  }

  /** A queue to look at: of one kind of sessions, or one that repeats by its name. */
  view(kind: SessionKind | (string & {}), spool: string): QueueView {
    return this.#queue(queueName(kind, spool));
  }

  /** Starts to work off one kind of sessions, so many at once; appends are those of one spool. */
  work(kind: SessionKind | (string & {}), spool: string, concurrency: number, handle: JobHandler): void {
    const running = new Map<string, AbortController>();
    const process = async (job: Job<SessionJob>) => {
      const controller = new AbortController();
      running.set(job.id!, controller);
      const handling = handle(job.data, controller.signal);
      this.#handling.add(handling);
      try {
        await handling;
      } catch (error) {
        if (error instanceof DelayedError) throw error;
        // Retries are the scheduler's: a handler that throws has met something that nobody foresaw.
        this.#log.error({ err: error, kind, key: job.data.account, run: job.data.run }, 'session broke');
        throw new UnrecoverableError((error as Error).message);
      } finally {
        running.delete(job.id!);
        this.#handling.delete(handling);
      }
    };
    const worker = new Worker<SessionJob>(queueName(kind, spool), process, {
      connection: this.#handle.duplicate(),
      prefix: globalKeys.queues,
      concurrency,
      lockDuration: this.#lockMs,
      stalledInterval: this.#lockMs,
      // A job whose worker died is begun again, however often: the lease says who works.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    });
    worker.on('lockRenewalFailed', (ids: string[]) => {
      for (const id of ids) running.get(id)?.abort(new Error('the lock of the job was lost'));
    });
    worker.on('error', (error: Error) => this.#note(error, { worker: queueName(kind, spool) }));
    this.#workers.push(worker);
  }

  /**
   * Calls `tick` every `everyMs` in one of the processes that ask for it. Returns how to look whether Redis still knows
   * of it: a flush takes the job scheduler away (design §3).
   */
  async repeat(name: string, everyMs: number, tick: () => Promise<void>): Promise<() => Promise<void>> {
    const restore = async () => {
      const queue = this.#queue(name);
      const known = await queue.getJobScheduler(name);
      if (known?.every === everyMs) return;
      const opts = { attempts: 1, removeOnComplete: true, removeOnFail: true };
      await queue.upsertJobScheduler(name, { every: everyMs }, { name, opts });
    };
    await restore();
    this.work(name, '', 1, tick);
    return restore;
  }

  /**
   * Takes no more jobs, waits for those that run, and closes the queues. Where Redis is lost, or came back only now,
   * BullMQ may wait for an answer for ever: once no session runs it gets a moment, and is then dropped.
   */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = Promise.allSettled(this.#workers.map((worker) => worker.close()));
    await Promise.race([closed, untilAborted(this.#handle.lost), this.#idle()]);
    await inTime(closed, closeMs);
    await inTime(Promise.allSettled([...this.#queues.values()].map((queue) => queue.close())), closeMs);
  }

  /** BullMQ tells as an error what it cuts itself when it closes. */
  #note({ message }: Error, where: Readonly<Record<string, string>>): void {
    this.#log[this.#closing ? 'debug' : 'warn']({ ...where, reason: message }, 'queue trouble');
  }

  async #idle(): Promise<void> {
    while (this.#handling.size > 0) await Promise.allSettled(this.#handling);
  }

  #queue(name: string): Queue<SessionJob> {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue = new Queue<SessionJob>(name, { connection: this.#handle.duplicate(), prefix: globalKeys.queues });
    queue.on('error', (error: Error) => this.#note(error, { queue: name }));
    this.#queues.set(name, queue);
    return queue;
  }
}

/** A host without shared storage appends what it downloaded: each spool has a queue of its own. */
function queueName(kind: string, spool: string): string {
  return kind === 'append' ? `append-${spool}` : kind;
}

function jobId({ run, account }: Pick<SessionJob, 'account' | 'run'>, kind: SessionKind, number: number): string {
  return `${run}.${account}.${kind}.${number}`;
}

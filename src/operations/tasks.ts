/**
 * Work that takes longer than a request: it waits for its turn, runs in this process, and what came of it is kept for a
 * while. Tasks look; they change nothing that would have to be found again after a restart, so they live in memory.
 */
import { randomBytes } from 'node:crypto';
import { type Clock, inTime } from '../ground/clock.ts';
import { asMailhaulError, MailhaulError, printable } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Settings } from '../ground/settings.ts';
import type { TaskHead, TaskKind, TaskSummary } from './answers/tasks.ts';

/** The limits of tasks. */
export type TaskSettings = Pick<
  Settings,
  'apiTasksAtOnce' | 'apiTasksKept' | 'apiTasksKeptMs' | 'apiTasksMaxBytes' | 'apiTaskLines' | 'stopWithinMs'
>;

/** What a task tells while it runs. */
export interface TaskProgress {
  /** Aborted when nobody wants the result any more: the work shall end soon. */
  readonly signal: AbortSignal;
  /** A line for people. */
  tell(text: string): void;
  /** How many accounts or domains are through, and of how many. */
  count(done: number, of: number): void;
}

/** What is to be done. */
export interface TaskOrder {
  readonly kind: TaskKind;
  readonly scope: string;
  readonly by: string;
  /** Accounts or domains. */
  readonly of: number;
  /** Gives the document that the command prints with --json. */
  readonly work: (progress: TaskProgress) => Promise<unknown>;
}

interface Task {
  readonly id: string;
  readonly order: Omit<TaskOrder, 'work'>;
  /** Undefined once it has begun: it holds the accounts. */
  work: TaskOrder['work'] | undefined;
  readonly createdAt: number;
  readonly stop: AbortController;
  state: TaskSummary['state'];
  startedAt: number;
  finishedAt: number;
  done: number;
  of: number;
  readonly lines: string[];
  error: MailhaulError | undefined;
  /** The result as JSON: it is made into text once, however often it is asked for. */
  result: Buffer | undefined;
}

const longestLine = 2000;

/** What runs drops its connections when it is told to stop; and the server gives what ends with it ten seconds. */
const closeWithinMs = 8000;

/** The tasks of one process. */
export class Tasks {
  readonly #settings: TaskSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By id, the oldest first. */
  readonly #tasks = new Map<string, Task>();
  /** Work that goes on, also that of tasks which were cancelled and have not ended yet. */
  readonly #working = new Set<Promise<void>>();
  #closed = false;

  constructor(settings: TaskSettings, clock: Clock, log: Log) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** Takes a task on. Returns its id. Throws `tasks-full`. */
  add({ work, ...order }: TaskOrder): string {
    this.#forgetOld();
    const open = [...this.#tasks.values()].filter(isOpen).length;
    if (this.#closed || open >= this.#settings.apiTasksKept) throw new MailhaulError('tasks-full', { count: open });
    const id = randomBytes(8).toString('hex');
    this.#tasks.set(id, {
      id,
      order,
      work,
      createdAt: this.#clock.now(),
      stop: new AbortController(),
      state: 'queued',
      startedAt: 0,
      finishedAt: 0,
      done: 0,
      of: order.of,
      lines: [],
      error: undefined,
      result: undefined,
    });
    this.#forgetOld();
    this.#next();
    return id;
  }

  /** All that are kept, the newest first. */
  list(): TaskSummary[] {
    this.#forgetOld();
    return [...this.#tasks.values()].reverse().map(summaryOf);
  }

  /** One task, and the JSON of its result where it is done. Throws `task-unknown`. */
  get(id: string): { readonly head: TaskHead; readonly result: Buffer | undefined } {
    this.#forgetOld();
    const task = this.#find(id);
    const { lines, error, result } = task;
    const told = error ? { code: error.code, text: error.message, remedy: error.remedy } : null;
    return { head: { ...summaryOf(task), lines: [...lines], error: told }, result };
  }

  /** Ends a task that has not ended; one that has is forgotten. Returns how it stands then. Throws `task-unknown`. */
  cancel(id: string): TaskSummary {
    const task = this.#find(id);
    if (isOpen(task)) this.#abort(task);
    else this.#tasks.delete(id);
    return summaryOf(task);
  }

  /** Takes none any more, cancels all, and waits a while for those that run. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#tasks.values()) if (isOpen(task)) this.#abort(task);
    await inTime(Promise.allSettled(this.#working), Math.min(this.#settings.stopWithinMs, closeWithinMs));
  }

  #find(id: string): Task {
    const task = this.#tasks.get(id);
    if (task) return task;
    throw new MailhaulError('task-unknown', { id: printable(id, 100) });
  }

  #abort(task: Task): void {
    this.#end(task, 'cancelled');
    task.stop.abort();
  }

  #end(task: Task, state: TaskSummary['state']): void {
    task.state = state;
    task.work = undefined;
    task.finishedAt = this.#clock.now();
    const { id, order, error } = task;
    this.#log.info({ task: id, kind: order.kind, state, ...(error && { code: error.code }) }, 'task ended');
  }

  /** Begins what may run now. */
  #next(): void {
    for (const task of this.#tasks.values()) {
      if (this.#working.size >= this.#settings.apiTasksAtOnce) return;
      if (task.state !== 'queued') continue;
      const working = this.#run(task).finally(() => {
        this.#working.delete(working);
        this.#next();
      });
      this.#working.add(working);
    }
  }

  async #run(task: Task): Promise<void> {
    task.state = 'running';
    task.startedAt = this.#clock.now();
    const { work, stop } = task;
    const { signal } = stop;
    task.work = undefined;
    try {
      const result = await work!({ signal, tell: (text) => this.#tell(task, text), count: counting(task) });
      if (!signal.aborted) this.#keep(task, result);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asMailhaulError(thrown);
      if (error.code === 'unexpected') this.#log.error({ err: error, task: task.id }, 'task');
      // What nobody foresaw stands in the log: its words may be anybody's.
      const isTold = error.code !== 'unexpected';
      task.error = isTold
        ? error
        : new MailhaulError('unexpected', { reason: 'the log of the service has the details' });
      this.#end(task, 'failed');
    }
  }

  #keep(task: Task, result: unknown): void {
    const json = Buffer.from(JSON.stringify(result));
    const { apiTasksMaxBytes: most } = this.#settings;
    if (json.length > most) throw new MailhaulError('task-result-large', { bytes: json.length, most });
    task.result = json;
    this.#end(task, 'done');
    this.#forgetOld();
  }

  #tell(task: Task, text: string): void {
    for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
      task.lines.push(printable(line.trim(), longestLine));
    }
    task.lines.splice(0, task.lines.length - this.#settings.apiTaskLines);
  }

  /** Forgets what has ended: the oldest first, as far as the limits of number, age and bytes ask for it. */
  #forgetOld(): void {
    const { apiTasksKept, apiTasksKeptMs, apiTasksMaxBytes } = this.#settings;
    const before = this.#clock.now() - apiTasksKeptMs;
    let bytes = 0;
    for (const { result } of this.#tasks.values()) bytes += result?.length ?? 0;
    const ended = [...this.#tasks.values()].filter((task) => !isOpen(task));
    for (const task of ended.sort((a, b) => a.finishedAt - b.finishedAt)) {
      const size = task.result?.length ?? 0;
      const isTooMuch = this.#tasks.size > apiTasksKept || (size > 0 && bytes > apiTasksMaxBytes);
      if (task.finishedAt > before && !isTooMuch) continue;
      this.#tasks.delete(task.id);
      bytes -= size;
    }
  }
}

function isOpen({ state }: Task): boolean {
  return state === 'queued' || state === 'running';
}

function counting(task: Task): TaskProgress['count'] {
  return (done, of) => {
    task.done = done;
    task.of = of;
  };
}

function summaryOf({ id, order, state, createdAt, startedAt, finishedAt, done, of }: Task): TaskSummary {
  const { kind, scope, by } = order;
  const iso = (ms: number) => (ms === 0 ? null : new Date(ms).toISOString());
  const times = { createdAt: iso(createdAt)!, startedAt: iso(startedAt), finishedAt: iso(finishedAt) };
  return { id, kind, scope, by, state, ...times, done, of };
}

import { beforeEach, describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { silentLog } from '../../src/ground/log.ts';
import { type TaskOrder, type TaskProgress, type TaskSettings, Tasks } from '../../src/operations/tasks.ts';

/** Work that a test ends when it likes. */
class Work {
  readonly began: Promise<TaskProgress>;
  end!: (result: unknown) => void;
  fail!: (error: Error) => void;
  readonly order: TaskOrder;

  constructor(scope = 'all accounts') {
    const ended = new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
    let begin!: (progress: TaskProgress) => void;
    this.began = new Promise((resolve) => {
      begin = resolve;
    });
    const work = (progress: TaskProgress) => {
      begin(progress);
      return ended;
    };
    this.order = { kind: 'check', scope, by: 'ops', of: 7, work };
  }
}

const limits: TaskSettings = {
  apiTasksAtOnce: 1,
  apiTasksKept: 3,
  apiTasksKeptMs: 1000,
  apiTasksMaxBytes: 100,
  apiTaskLines: 3,
  stopWithinMs: 30_000,
};
let now: number;
const clock = { now: () => now, wait: async () => {} };
const tasksWith = (more: Partial<TaskSettings> = {}) => new Tasks({ ...limits, ...more }, clock, silentLog());
const settled = () => new Promise((resolve) => setImmediate(resolve));
const statesOf = (tasks: Tasks) => tasks.list().map(({ scope, state }) => `${scope} ${state}`);

/** The code of what is thrown. */
function codeIn(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return (error as MailhaulError).code;
  }
}

beforeEach(() => {
  now = Date.UTC(2030, 0, 1);
});

describe('tasks', () => {
  it('run one after the other, in the order in which they were asked for', async () => {
    const tasks = tasksWith();
    const [a, b] = [new Work('a'), new Work('b')];
    const first = tasks.add(a.order);
    tasks.add(b.order);
    expect(statesOf(tasks)).toEqual(['b queued', 'a running']);
    const progress = await a.began;
    progress.count(3, 7);
    now += 500;
    a.end({ version: 1 });
    await b.began;
    expect(statesOf(tasks)).toEqual(['b running', 'a done']);
    expect(tasks.get(first)).toEqual({
      head: {
        id: first,
        kind: 'check',
        scope: 'a',
        by: 'ops',
        state: 'done',
        createdAt: '2030-01-01T00:00:00.000Z',
        startedAt: '2030-01-01T00:00:00.000Z',
        finishedAt: '2030-01-01T00:00:00.500Z',
        done: 3,
        of: 7,
        lines: [],
        error: null,
      },
      result: Buffer.from('{"version":1}'),
    });
  });

  it('keep the last lines that they tell, without what a terminal or a log would obey', async () => {
    const tasks = tasksWith();
    const work = new Work();
    const id = tasks.add(work.order);
    const { tell } = await work.began;
    tell('one\n\n  two\u001b[2J\n');
    tell('three');
    tell(`four ${'x'.repeat(5000)}`);
    const { lines } = tasks.get(id).head;
    expect(lines.map((line) => line.slice(0, 8))).toEqual(['two [2J', 'three', 'four xxx']);
    expect(lines[2]!.length).toBeLessThan(2100);
  });

  it('say why they failed, and nothing of what nobody foresaw', async () => {
    const tasks = tasksWith();
    const [a, b] = [new Work(), new Work()];
    const ids = [a, b].map(({ order }) => tasks.add(order));
    a.fail(new MailhaulError('account-unknown', { id: 'x' }));
    b.fail(new Error('s3cret'));
    await b.began.then(settled);
    const errors = ids.map((id) => tasks.get(id).head.error);
    expect(errors[0]).toMatchObject({ code: 'account-unknown', text: expect.stringContaining('x') });
    expect(errors[1]).toMatchObject({ code: 'unexpected' });
    expect(JSON.stringify(errors)).not.toContain('s3cret');
    expect(statesOf(tasks)).toEqual(['all accounts failed', 'all accounts failed']);
  });

  it('are cancelled while they wait or run; the next begins when the work has really ended', async () => {
    const tasks = tasksWith();
    const [a, b, c] = [new Work('a'), new Work('b'), new Work('c')];
    const [first, second] = [a, b, c].map(({ order }) => tasks.add(order));
    const { signal } = await a.began;
    expect(tasks.cancel(second!).state).toBe('cancelled');
    expect([tasks.cancel(first!).state, signal.aborted]).toEqual(['cancelled', true]);
    await settled();
    expect(statesOf(tasks)).toEqual(['c queued', 'b cancelled', 'a cancelled']);
    a.end({ late: true });
    await c.began;
    expect(tasks.get(first!).result).toBeUndefined();
    // One that has ended is forgotten.
    expect(tasks.cancel(first!).state).toBe('cancelled');
    expect(codeIn(() => tasks.get(first!))).toBe('task-unknown');
  });

  it('are no more than may be kept: ended ones make room, and where none has ended, none is taken', async () => {
    const tasks = tasksWith({ apiTasksAtOnce: 2 });
    const all = ['a', 'b', 'c', 'd', 'e'].map((scope) => new Work(scope));
    for (const { order } of all.slice(0, 3)) tasks.add(order);
    expect(codeIn(() => tasks.add(all[3]!.order))).toBe('tasks-full');
    all[1]!.end(1);
    await all[2]!.began.then(settled);
    tasks.add(all[3]!.order);
    expect(statesOf(tasks)).toEqual(['d queued', 'c running', 'a running']);
  });

  it('are forgotten when they are old, and the results that ended first when all have too many bytes', async () => {
    const tasks = tasksWith({ apiTasksKept: 9 });
    const run = async (scope: string, result: unknown) => {
      const work = new Work(scope);
      const id = tasks.add(work.order);
      work.end(result);
      await work.began.then(settled);
      now += 100;
      return id;
    };
    await run('a', 'x'.repeat(58));
    await run('small', 1);
    const large = await run('too large', 'x'.repeat(99));
    expect(tasks.get(large).head.error).toMatchObject({ code: 'task-result-large' });
    await run('b', 'x'.repeat(58));
    expect(statesOf(tasks)).toEqual(['b done', 'too large failed', 'small done']);
    now += 1000;
    expect(statesOf(tasks)).toEqual([]);
  });

  it('end with the process: those that run are waited for, and none is taken any more', async () => {
    const tasks = tasksWith();
    const [a, b] = [new Work('a'), new Work('b')];
    for (const { order } of [a, b]) tasks.add(order);
    const { signal } = await a.began;
    let closed = false;
    const closing = tasks.close().then(() => {
      closed = true;
    });
    await settled();
    expect([signal.aborted, closed]).toEqual([true, false]);
    a.end(1);
    await closing;
    expect(statesOf(tasks)).toEqual(['b cancelled', 'a cancelled']);
    expect(codeIn(() => tasks.add(a.order))).toBe('tasks-full');
  });
});

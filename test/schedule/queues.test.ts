import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../../src/ground/log.ts';
import { type JobHandler, Queues, type SessionJob } from '../../src/schedule/queues.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const job = (account = 'a', other: Partial<SessionJob> = {}): SessionJob => ({
  account,
  run: 'r1',
  tries: 0,
  mark: 0,
  spool: '',
  ...other,
});

async function open(): Promise<Queues> {
  const queues = new Queues(await redis.another(), silentLog(), 30_000);
  onTestFinished(() => queues.close());
  return queues;
}

/** A handler that notes what it gets, and a way to wait until it has got so many. */
function recorder(each: JobHandler = async () => {}) {
  const taken: SessionJob[] = [];
  let changed = () => {};
  const handle: JobHandler = async (one, lost) => {
    taken.push(one);
    changed();
    await each(one, lost);
  };
  const count = async (wanted: number) => {
    while (taken.length < wanted) await new Promise<void>((resolve) => (changed = resolve));
  };
  return { taken, handle, count };
}

/** Waits until a job is done with. */
async function gone(queues: Queues, kind: 'download' | 'append', one: SessionJob, number: number): Promise<void> {
  while (await queues.has(kind, one, number));
}

describe('a job', () => {
  it('is handed over with its payload', async () => {
    const queues = await open();
    const { taken, handle, count } = recorder();
    queues.work('download', '', 1, handle);
    await queues.add('download', job('a', { tries: 2, mark: 7 }), 1);
    await count(1);
    expect(taken).toEqual([job('a', { tries: 2, mark: 7 })]);
  });

  it('is one, however often it is added', async () => {
    const queues = await open();
    for (let i = 0; i < 3; i += 1) await queues.add('download', job(), 1);
    await queues.add('download', job('last'), 1);
    const { taken, handle, count } = recorder();
    queues.work('download', '', 1, handle);
    await count(2);
    await gone(queues, 'download', job('last'), 1);
    expect(taken).toEqual([job(), job('last')]);
  });

  it('is another with another number, run or account', async () => {
    const queues = await open();
    await queues.add('download', job(), 1);
    await queues.add('download', job(), 2);
    await queues.add('download', job('a', { run: 'r2' }), 1);
    await queues.add('download', job('b'), 1);
    const { taken, handle, count } = recorder();
    queues.work('download', '', 4, handle);
    await count(4);
    expect(taken).toHaveLength(4);
  });

  it('is there while it waits, is delayed or runs, and not afterwards', async () => {
    const queues = await open();
    expect(await queues.has('download', job(), 1)).toBe(false);
    await queues.add('download', job(), 1);
    await queues.add('download', job(), 2, 60_000);
    expect(await queues.has('download', job(), 1)).toBe(true);
    expect(await queues.has('download', job(), 2)).toBe(true);
    expect(await queues.has('append', job(), 1)).toBe(false);
    let finish = () => {};
    const { handle, count } = recorder(() => new Promise<void>((resolve) => (finish = resolve)));
    queues.work('download', '', 1, handle);
    await count(1);
    expect(await queues.has('download', job(), 1)).toBe(true);
    finish();
    await gone(queues, 'download', job(), 1);
  });

  it('may be added again when it is over', async () => {
    const queues = await open();
    const { taken, handle, count } = recorder();
    queues.work('download', '', 1, handle);
    await queues.add('download', job(), 1);
    await count(1);
    await gone(queues, 'download', job(), 1);
    await queues.add('download', job(), 1);
    await count(2);
    expect(taken).toHaveLength(2);
  });

  it('is not tried again when its handler throws, and leaves nothing behind', async () => {
    const queues = await open();
    const { taken, handle, count } = recorder(async () => {
      throw new Error('nobody foresaw this');
    });
    queues.work('download', '', 1, handle);
    await queues.add('download', job(), 1);
    await count(1);
    await gone(queues, 'download', job(), 1);
    await queues.add('download', job('next'), 1);
    await count(2);
    expect(taken).toEqual([job(), job('next')]);
    await gone(queues, 'download', job('next'), 1);
    expect(await redis.client.keys('mh-queue:*r1*')).toEqual([]);
  });

  it('to append goes to those who serve its spool', async () => {
    const queues = await open();
    const [here, there] = [recorder(), recorder()];
    queues.work('append', 's', 1, here.handle);
    queues.work('append', 't', 1, there.handle);
    await queues.add('append', job('a', { spool: 't' }), 1);
    await queues.add('append', job('b', { spool: 's' }), 1);
    await Promise.all([here.count(1), there.count(1)]);
    expect([here.taken[0]?.account, there.taken[0]?.account]).toEqual(['b', 'a']);
  });

  it('holds ids and counts only', async () => {
    const queues = await open();
    await queues.add('append', job('a', { spool: 's' }), 1);
    const data = await redis.client.hget('mh-queue:append-s:r1.a.append.1', 'data');
    expect(Object.keys(JSON.parse(data ?? '{}')).sort()).toEqual(['account', 'mark', 'run', 'spool', 'tries']);
  });
});

it('closing waits for what runs and takes nothing new', async () => {
  const queues = await open();
  let finish = () => {};
  let over = false;
  const { taken, handle, count } = recorder(async () => {
    await new Promise<void>((resolve) => (finish = resolve));
    over = true;
  });
  queues.work('download', '', 1, handle);
  for (const account of ['a', 'b']) await queues.add('download', job(account), 1);
  await count(1);
  const closed = queues.close();
  finish();
  await closed;
  expect(over).toBe(true);
  expect(taken).toHaveLength(1);
});

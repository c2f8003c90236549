import { describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { noteAppend, queueAppend } from '../../src/ledger/append-state.ts';
import { noteProblem, problemOf, readProblems } from '../../src/ledger/problems.ts';
import { isFirstRun, type Run, readRun, readRuns, startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { useRedis } from './redis-rig.ts';

const redis = useRedis();
const account = 'f'.repeat(32);
const start = (id = 'r1', recheck = false) => startRun(redis.client, account, id, 1000, recheck);
const update = (fields: Partial<Record<keyof Run, string | number>>, id = 'r1') =>
  updateRun(redis.client, account, id, fields);
const finish = (id = 'r1') => finishRunIfDone(redis.client, account, id, 5000);
const read = async () => (await readRun(redis.client, account))!;

describe('a run', () => {
  it('begins with nothing counted', async () => {
    await start('r1', true);
    const zero = { listed: 0, known: 0, appended: 0, failed: 0, downloaded: 0, finishedAt: 0, error: '' };
    const first = { id: 'r1', number: 1, state: 'queued', download: 'queued', startedAt: 1000, recheck: true };
    expect(await read()).toMatchObject({ ...zero, ...first });
  });

  it('forgets the counts, problems and sessions of the one before', async () => {
    await start();
    await update({ listed: 5, error: 'x' });
    await redis.client.hincrby(accountKeys.run(account), 'appended', 3);
    await noteProblem(redis.client, account, problemOf(new MailhaulError('usage', { reason: 'x' })));
    await queueAppend(redis.client, account, 's', 'r1');
    await start('r2');
    expect(await read()).toMatchObject({ id: 'r2', number: 2, listed: 0, appended: 0, error: '', recheck: false });
    expect(await readProblems(redis.client, account)).toEqual([]);
    expect(await queueAppend(redis.client, account, 's', 'r2')).toBeGreaterThan(0);
  });

  it('does not take updates that belong to another', async () => {
    await start('r2');
    expect(await update({ listed: 5 }, 'r1')).toBe(false);
    expect(await update({ known: 2 }, 'r2')).toBe(true);
    expect(await read()).toMatchObject({ listed: 0, known: 2 });
  });

  it('is not brought to life by an update', async () => {
    expect(await update({ listed: 5 })).toBe(false);
    expect(await readRun(redis.client, account)).toBeUndefined();
  });

  it('is read together with those of other accounts', async () => {
    await start();
    const runs = await readRuns(redis.client, ['0'.repeat(32), account]);
    expect(runs.map((run) => run?.id)).toEqual([undefined, 'r1']);
  });
});

describe('the end of a run', () => {
  it.each(['queued', 'active'])('does not come while the download is %s', async (download) => {
    await start();
    await update({ download });
    expect(await finish()).toBe('open');
    expect((await read()).finishedAt).toBe(0);
  });

  it('does not come while a batch waits', async () => {
    await start();
    await update({ download: 'done' });
    await redis.client.hset(accountKeys.spools(account), 's', 1);
    expect(await finish()).toBe('open');
    await noteAppend(redis.client, account, 's', 'active');
    expect(await finish()).toBe('open');
    await redis.client.del(accountKeys.spools(account));
    expect(await finish()).toBe('ended');
  });

  it('comes once, for one of those who ask', async () => {
    await start();
    await update({ download: 'done' });
    const asked = await Promise.all([finish(), finish(), finish()]);
    expect(asked.toSorted()).toEqual(['ended', 'open', 'open']);
    expect((await read()).finishedAt).toBe(5000);
  });

  it('is not that of another run', async () => {
    await start('r2');
    await update({ download: 'done' }, 'r2');
    expect(await finish('r1')).toBe('open');
  });

  const counts = { listed: 10, known: 3, appended: 4, duplicate: 2, vanished: 1 };
  it.each<[string, Partial<Record<keyof Run, string | number>>, string]>([
    ['everything is settled', counts, 'complete'],
    ['nothing is listed', {}, 'complete'],
    ['something is pending', { ...counts, listed: 11 }, 'incomplete'],
    ['something was refused', { ...counts, listed: 11, refused: 1 }, 'incomplete'],
    ['something was refused before', { ...counts, listed: 11, refusedBefore: 1 }, 'incomplete'],
    ['something could not be read', { ...counts, listed: 11, failed: 1 }, 'incomplete'],
  ])('where %s', async (_, fields, state) => {
    await start();
    await update({ ...fields, download: 'done' });
    expect(await finish()).toBe('ended');
    expect((await read()).state).toBe(state);
  });

  it('is a failure where the download failed', async () => {
    await start();
    await update({ ...counts, download: 'failed' });
    expect(await finish()).toBe('ended');
    expect((await read()).state).toBe('failed');
  });

  it('is a failure where the append failed and batches are left', async () => {
    await start();
    await update({ ...counts, download: 'done' });
    await redis.client.hset(accountKeys.spools(account), 's', 2);
    await noteAppend(redis.client, account, 's', 'failed');
    expect(await finish()).toBe('ended');
    expect((await read()).state).toBe('failed');
  });

  it('waits for every spool that holds batches', async () => {
    await start();
    await update({ download: 'done' });
    await redis.client.hset(accountKeys.spools(account), 's', 1, 't', 1);
    await noteAppend(redis.client, account, 's', 'failed');
    await noteAppend(redis.client, account, 't', 'active');
    expect(await finish()).toBe('open');
  });
});

describe('the first run of an account', () => {
  it('is over when a download took everything that was listed', async () => {
    expect(await isFirstRun(redis.client, account)).toBe(true);
    await start();
    expect(await isFirstRun(redis.client, account)).toBe(true);
    await update({ download: 'failed' });
    await finish();
    expect(await isFirstRun(redis.client, account)).toBe(true);
    await start('r2');
    await update({ download: 'done' }, 'r2');
    await finish('r2');
    expect(await isFirstRun(redis.client, account)).toBe(false);
  });
});

describe('the problems of a run', () => {
  const busy = new MailhaulError('account-busy', { host: 'h', user: 'u', reply: 'later' });

  it('are kept by code, with text, remedy and what they stop', async () => {
    await noteProblem(redis.client, account, problemOf(busy));
    await noteProblem(redis.client, account, problemOf(busy, 3));
    const { text, remedy } = problemOf(busy);
    expect(await readProblems(redis.client, account)).toEqual([
      { code: 'account-busy', stops: 'account', count: 3, text, remedy },
    ]);
  });
});

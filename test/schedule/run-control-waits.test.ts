import { describe, expect, it } from 'vitest';
import { noteAppend } from '../../src/ledger/append-state.ts';
import { registeredBatches } from '../../src/ledger/batches.ts';
import { readProblems } from '../../src/ledger/problems.ts';
import { isFirstRun, updateRun } from '../../src/ledger/run.ts';
import { readWaits, type Wait } from '../../src/limits/waits.ts';
import { alice as account } from '../spool/spool-rig.ts';
import { job, RunControlRig } from './run-control-rig.ts';

const rig = new RunControlRig();
const { redis, jobs, loseJobs, run, lastJob, batchIn } = rig;

describe('a pause', () => {
  it('keeps a run that begins from being worked on, and resume begins it', async () => {
    rig.isPaused = true;
    await batchIn('s');
    await rig.control.start(account, 'r1');
    expect([await jobs(), await run()]).toMatchObject([[], { state: 'paused', finishedAt: 0 }]);
    rig.isPaused = false;
    await rig.control.resume(account);
    expect((await jobs()).map(({ kind }) => kind)).toEqual(['download', 'append']);
    expect((await run()).state).toBe('queued');
  });

  it('keeps the reconciler from queueing what is missing', async () => {
    await rig.control.start(account, 'r1');
    await loseJobs();
    rig.isPaused = true;
    await rig.control.reconcile(account, 'r1');
    expect([await jobs(), await run()]).toMatchObject([[], { state: 'paused' }]);
  });

  it('that ended an append session before any mail came leaves room for the next', async () => {
    await rig.control.start(account, 'r1');
    await rig.control.announce(account, 'r1', 's');
    await noteAppend(redis.client, account, 's', 'active');
    await loseJobs();
    await rig.control.paused(job({ spool: 's' }));
    await rig.control.resume(account);
    await rig.control.announce(account, 'r1', 's');
    expect((await jobs()).map(({ kind }) => kind)).toEqual(['download', 'append']);
  });

  it('does not make a failed append session begin again', async () => {
    await batchIn('s');
    await rig.control.start(account, 'r1');
    await noteAppend(redis.client, account, 's', 'failed');
    await loseJobs();
    await rig.control.paused(job({ spool: 's' }));
    await rig.control.resume(account);
    expect((await jobs()).map(({ kind }) => kind)).toEqual(['download']);
  });

  it('changes nothing of a run that has ended, and resume starts none', async () => {
    await rig.control.start(account, 'r1');
    await loseJobs();
    await rig.control.ended('download', job(), 'done');
    await rig.control.paused(job());
    await rig.control.resume(account);
    expect([await jobs(), await run()]).toMatchObject([[], { state: 'complete' }]);
  });
});

describe('a wait', () => {
  const wait = (ms: number): Wait => ({ side: 'source', untilMs: rig.now + ms, because: 'h allows 1 kB a day' });

  it('of the service is as long as it takes', async () => {
    await rig.control.start(account, 'r1');
    await rig.control.ended('download', job({ tries: 1 }), wait(20 * 3_600_000));
    expect(await lastJob()).toMatchObject({ kind: 'download', tries: 1, delay: 20 * 3_600_000 });
    expect(await run()).toMatchObject({ state: 'waiting', download: 'queued', finishedAt: 0 });
    expect((await run()).error).toMatch(/^until .* UTC, because h allows 1 kB a day$/);
    expect((await readWaits(redis.client, [account], rig.now)).get(account)).toEqual([wait(20 * 3_600_000)]);
    const before = await jobs();
    await rig.control.reconcile(account, 'r1');
    expect(await jobs()).toEqual(before);
  });

  it('of a run that may not wait so long leaves the rest to the next run', async () => {
    await rig.control.start(account, 'r1', false, 60_000);
    await rig.control.ended('download', job(), wait(60_000));
    expect(await lastJob()).toMatchObject({ delay: 60_000 });
    await updateRun(redis.client, account, 'r1', { listed: 2 });
    await rig.control.ended('download', job(), wait(60_001));
    expect(await jobs()).toHaveLength(2);
    expect(await run()).toMatchObject({ state: 'incomplete', download: 'left', finishedAt: rig.now });
    expect(await readProblems(redis.client, account)).toMatchObject([{ code: 'budget-waits' }]);
    expect(rig.told).toEqual([wait(60_000), wait(60_001)]);
    expect(await isFirstRun(redis.client, account)).toBe(true);
  });

  it('that is too long leaves the appends as well, and the run ends with the download', async () => {
    await rig.control.start(account, 'r1', false, 60_000);
    await batchIn('s');
    await rig.control.announce(account, 'r1', 's');
    await rig.control.ended('append', job({ spool: 's' }), { ...wait(90_000), side: 'destination' });
    expect((await run()).finishedAt).toBe(0);
    const before = await jobs();
    await rig.control.announce(account, 'r1', 's');
    expect(await jobs()).toEqual(before);
    await loseJobs();
    await rig.control.reconcile(account, 'r1');
    expect(await jobs()).toMatchObject([{ kind: 'download' }]);
    await rig.control.ended('download', job(), 'done');
    expect(await run()).toMatchObject({ state: 'incomplete', finishedAt: rig.now });
    expect(await registeredBatches(redis.client, account, 's')).toHaveLength(1);
  });

  it('of the appends ends a download that waits for space which nobody frees in this run', async () => {
    await rig.control.start(account, 'r1', false, 60_000);
    await batchIn('s');
    await rig.control.ended('append', job({ spool: 's' }), { ...wait(90_000), side: 'destination' });
    await rig.control.ended('download', job(), 'hold');
    expect(await run()).toMatchObject({ state: 'incomplete', download: 'left', finishedAt: rig.now });
  });
});

/** Runs whose mailbox at the destination is full. */
import { describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { noteAppend } from '../../src/ledger/append-state.ts';
import { isFull, noteFull, noteRoom } from '../../src/ledger/full-mailbox.ts';
import { readProblems } from '../../src/ledger/problems.ts';
import { updateRun } from '../../src/ledger/run.ts';
import type { Wait } from '../../src/limits/waits.ts';
import { alice as account } from '../spool/spool-rig.ts';
import { job, RunControlRig } from './run-control-rig.ts';

const rig = new RunControlRig();
const { redis, jobs, run, lastJob, batchIn } = rig;

const error = new MailhaulError('mailbox-full', { host: 'h', user: 'ann', reply: '9 of 9 kB are used' });
const hour = 3_600_000;
const full = (ms = hour): Wait => ({ side: 'destination', untilMs: rig.now + ms, because: 'it is full', error });
const problems = async () => (await readProblems(redis.client, account)).map(({ code }) => code);

async function begin(waitMaxMs = 0): Promise<void> {
  await batchIn('s');
  await rig.control.start(account, 'r1', false, waitMaxMs);
  await updateRun(redis.client, account, 'r1', { listed: 2 });
  await noteFull(redis.client, account);
}

describe('a full mailbox', () => {
  it('is looked at again later, which is no failure, and the report says so until there is room', async () => {
    await begin();
    await rig.control.ended('append', job({ spool: 's', tries: 1 }), full());
    expect(await lastJob()).toMatchObject({ kind: 'append', tries: 1, delay: hour });
    expect(await run()).toMatchObject({ state: 'waiting', finishedAt: 0 });
    expect(await problems()).toEqual(['mailbox-full']);
    await noteRoom(redis.client, account);
    expect(await problems()).toEqual([]);
    expect(await isFull(redis.client, account)).toBe(false);
  });

  it('holds the download back, which logs in nowhere meanwhile and does not hide that the run waits', async () => {
    await begin();
    await rig.control.ended('append', job({ spool: 's' }), full());
    await updateRun(redis.client, account, 'r1', { state: 'running' });
    await rig.control.ended('download', job({ tries: 2 }), 'full');
    expect(await lastJob()).toMatchObject({ kind: 'download', tries: 0, delay: 30_000 });
    expect(await run()).toMatchObject({ state: 'waiting', download: 'queued', finishedAt: 0 });
  });

  it('ends a run that may not wait so long as incomplete, with its own problem and no other', async () => {
    await begin(60_000);
    await rig.control.ended('append', job({ spool: 's' }), full());
    await rig.control.ended('download', job(), 'full');
    expect(await run()).toMatchObject({ state: 'incomplete', download: 'left', finishedAt: rig.now });
    expect(await problems()).toEqual(['mailbox-full']);
  });

  it('ends it too where the looks come often: they do not go on for ever', async () => {
    await begin(60_000);
    for (const at of [0, 40_000]) {
      rig.now = 1_000_000 + at;
      await rig.control.ended('append', job({ spool: 's' }), full(20_000));
      expect(await lastJob()).toMatchObject({ kind: 'append', delay: 20_000 });
    }
    // The download looks again soon: how the appends end decides.
    await rig.control.ended('download', job(), 'full');
    expect(await lastJob()).toMatchObject({ kind: 'download', delay: 300 });
    rig.now = 1_040_001;
    await rig.control.ended('append', job({ spool: 's' }), full(20_000));
    await rig.control.ended('download', job(), 'full');
    expect(await run()).toMatchObject({ state: 'incomplete', finishedAt: rig.now });
  });

  it('is looked at at once when somebody says so, but not where the appends have failed', async () => {
    await begin();
    await rig.control.ended('append', job({ spool: 's' }), full());
    await rig.control.resume(account);
    expect(await lastJob()).toMatchObject({ kind: 'append', spool: 's', delay: 0 });
    const before = await jobs();
    await noteAppend(redis.client, account, 's', 'failed');
    await rig.control.resume(account);
    expect(await jobs()).toEqual(before);
  });
});

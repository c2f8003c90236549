import { beforeEach, describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { accountKeys, globalKeys } from '../../src/ground/keys.ts';
import { giveUpAppend, noteAppend } from '../../src/ledger/append-state.ts';
import { registeredBatches, spooledKeys } from '../../src/ledger/batches.ts';
import { readProblems } from '../../src/ledger/problems.ts';
import { updateRun } from '../../src/ledger/run.ts';
import { noteLoss } from '../../src/ledger/run-end.ts';
import { readWaits } from '../../src/limits/waits.ts';
import type { SessionKind } from '../../src/schedule/queues.ts';
import { alice as account } from '../spool/spool-rig.ts';
import { job, RunControlRig, waits } from './run-control-rig.ts';

const rig = new RunControlRig();
const { redis, jobs, loseJobs, run, lastJob, batchIn } = rig;
const busy = new MailhaulError('account-busy', { host: 'h', user: 'u', reply: 'later' });
const refused = new MailhaulError('credentials-refused', { host: 'h', user: 'u', reply: 'no' });

describe('the start of a run', () => {
  it('queues a download', async () => {
    await rig.control.start(account, 'r1', true);
    expect(await run()).toMatchObject({ id: 'r1', state: 'queued', startedAt: rig.now, recheck: true });
    expect(await jobs()).toMatchObject([{ kind: 'download', run: 'r1', tries: 0, delay: 0 }]);
  });

  it('queues the appends of every spool that holds batches of an earlier run', async () => {
    for (const spool of ['s', 't']) await batchIn(spool);
    await rig.control.start(account, 'r1');
    const appends = (await jobs()).filter(({ kind }) => kind === 'append');
    expect(appends.map(({ spool }) => spool).sort()).toEqual(['s', 't']);
  });
});

describe('mail that comes', () => {
  it('queues one append session and rings every time', async () => {
    await rig.control.start(account, 'r1');
    for (let i = 0; i < 3; i += 1) await rig.control.announce(account, 'r1', 's');
    expect((await jobs()).filter(({ kind }) => kind === 'append')).toMatchObject([{ spool: 's', tries: 0 }]);
    while (rig.rung.length < 3) await redis.client.ping();
  });

  it('queues another when the one before has given up', async () => {
    await rig.control.start(account, 'r1');
    await rig.control.announce(account, 'r1', 's');
    await giveUpAppend(redis.client, account, 's');
    await rig.control.announce(account, 'r1', 's');
    expect((await jobs()).filter(({ kind }) => kind === 'append')).toHaveLength(2);
  });

  it('of an earlier run queues nothing', async () => {
    await rig.control.start(account, 'r1');
    await rig.control.announce(account, 'r0', 's');
    expect(await jobs()).toHaveLength(1);
  });
});

describe('the end of a session', () => {
  beforeEach(() => rig.control.start(account, 'r1'));

  it.each([
    ['busy', 2, 300],
    ['unserved', 2, 300],
    ['hold', 0, 300],
    ['budget', 0, 0],
    ['unpipelined', 0, 0],
  ])('%s is followed by another', async (end, tries, delay) => {
    await rig.control.ended('download', job({ tries: 2 }), end);
    expect(await lastJob()).toMatchObject({ kind: 'download', tries, delay });
    expect(await jobs()).toHaveLength(2);
  });

  it.each(['superseded', 'interrupted'])('%s is the end', async (end) => {
    await rig.control.ended('download', job(), end);
    expect(await jobs()).toHaveLength(1);
    expect(await run()).toMatchObject({ download: 'queued', finishedAt: 0 });
  });

  it('ends the run with the last of both sides: the download', async () => {
    await rig.control.ended('download', job(), 'done');
    expect(await run()).toMatchObject({ download: 'done', state: 'complete', finishedAt: rig.now });
    while (rig.rung.length === 0) await redis.client.ping();
  });

  it('ends the run with the last of both sides: the append', async () => {
    const batch = await batchIn('s');
    await rig.control.announce(account, 'r1', 's');
    await rig.control.ended('download', job(), 'done');
    expect((await run()).finishedAt).toBe(0);
    await redis.client.zrem(accountKeys.batches(account, 's'), batch);
    await redis.client.del(accountKeys.spools(account));
    await rig.control.ended('append', job({ spool: 's' }), 'done');
    expect((await run()).finishedAt).toBe(rig.now);
  });
});

describe('a session that failed', () => {
  beforeEach(() => rig.control.start(account, 'r1'));

  it('is tried again after each of the waits, and then the account has failed', async () => {
    for (const [tries, delay] of waits.entries()) {
      await rig.control.failed('download', job({ tries }), busy);
      expect(await lastJob()).toMatchObject({ tries: tries + 1, delay });
      expect(await run()).toMatchObject({ state: 'waiting', error: busy.message, finishedAt: 0 });
    }
    await rig.control.failed('download', job({ tries: waits.length }), busy);
    expect(await jobs()).toHaveLength(1 + waits.length);
    expect(await run()).toMatchObject({
      download: 'failed',
      state: 'failed',
      error: busy.message,
      finishedAt: rig.now,
    });
    expect(await readProblems(redis.client, account)).toMatchObject([{ code: 'account-busy' }]);
  });

  it.each<[SessionKind, 'downloaded' | 'appended' | 'duplicate' | 'refused']>([
    ['download', 'downloaded'],
    ['append', 'appended'],
    ['append', 'duplicate'],
    ['append', 'refused'],
  ])('begins to count anew when it got further: %s, %s', async (kind, field) => {
    const spool = kind === 'append' ? 's' : '';
    await redis.client.hincrby(accountKeys.run(account), field, 10);
    await rig.control.failed(kind, job({ tries: 2, mark: 4, spool }), busy);
    expect(await lastJob()).toMatchObject({ kind, tries: 1, mark: 10, delay: waits[0], spool });
    await rig.control.failed(kind, job({ tries: 1, mark: 10, spool }), busy);
    expect(await lastJob()).toMatchObject({ tries: 2, mark: 10, delay: waits[1] });
  });

  it('is not tried again where waiting does not help', async () => {
    await rig.control.failed('download', job(), refused);
    expect(await jobs()).toHaveLength(1);
    expect(await run()).toMatchObject({ download: 'failed', state: 'failed' });
    expect(await readProblems(redis.client, account)).toMatchObject([{ code: 'credentials-refused' }]);
  });

  it('is not tried again when nobody foresaw it', async () => {
    await rig.control.failed('download', job(), new TypeError('x is undefined'));
    expect(await run()).toMatchObject({ state: 'failed' });
    expect(await readProblems(redis.client, account)).toMatchObject([{ code: 'unexpected' }]);
  });

  it('was asked to wait: it waits at least so long, and this is no failure', async () => {
    for (let count = 1; count <= 8; count += 1) {
      const asked = new MailhaulError('server-unavailable', { host: 'h', user: 'u', reply: 'no', retryAfterMs: 7000 });
      await rig.control.failed('download', job({ tries: 2 }), asked);
      const delay = Math.max(7000, [1000, 5000][count - 1] ?? 5000 * 2 ** (count - 2));
      expect(await lastJob()).toMatchObject({ tries: 2, delay });
    }
    expect(await run()).toMatchObject({ state: 'waiting', finishedAt: 0 });
    const waits = (await readWaits(redis.client, [account], rig.now)).get(account)!;
    expect(waits[0]).toMatchObject({ side: 'source', because: 'h asked for it: no' });
    await rig.control.failed('download', job({ tries: 2 }), busy);
    expect(await run()).toMatchObject({ state: 'failed' });
  });

  it('was asked to wait more often than is to be borne: the account has failed', async () => {
    const asked = new MailhaulError('account-busy', { host: 'h', user: 'u', reply: 'no', hint: 'throttled' });
    for (let count = 0; count < 12; count += 1) await rig.control.failed('append', job({ spool: 's' }), asked);
    expect((await run()).state).toBe('waiting');
    await redis.client.hincrby(accountKeys.run(account), 'appended', 1);
    await rig.control.failed('append', job({ spool: 's' }), asked);
    expect((await lastJob())!.delay).toBe(1000);
    for (let count = 0; count < 12; count += 1) await rig.control.failed('append', job({ spool: 's', mark: 1 }), asked);
    expect(await readProblems(redis.client, account)).toMatchObject([{ code: 'account-busy' }]);
  });

  it('leaves the other side its time: the run ends with the download', async () => {
    await batchIn('s');
    await rig.control.announce(account, 'r1', 's');
    await rig.control.failed('append', job({ spool: 's' }), refused);
    expect((await run()).finishedAt).toBe(0);
    await rig.control.announce(account, 'r1', 's');
    expect((await jobs()).filter(({ kind }) => kind === 'append')).toHaveLength(1);
    await rig.control.ended('download', job(), 'done');
    expect(await run()).toMatchObject({ state: 'failed', finishedAt: rig.now });
    expect(await registeredBatches(redis.client, account, 's')).toHaveLength(1);
  });

  it('changes nothing of the run that came after its own', async () => {
    await rig.control.start(account, 'r2');
    await rig.control.announce(account, 'r2', 's');
    const before = await jobs();
    await rig.control.failed('append', job({ spool: 's' }), refused);
    await rig.control.failed('download', job(), refused);
    expect(await run()).toMatchObject({ id: 'r2', download: 'queued', error: '' });
    expect(await redis.client.hget(accountKeys.appendSessions(account), 's')).toBe('queued');
    expect(await readProblems(redis.client, account)).toEqual([]);
    expect(await jobs()).toEqual(before);
  });

  it('of the append side ends a download that waits for space which nobody frees any more', async () => {
    await batchIn('s');
    await rig.control.failed('append', job({ spool: 's' }), refused);
    await rig.control.ended('download', job(), 'hold');
    expect(await run()).toMatchObject({ state: 'failed', finishedAt: rig.now });
  });
});

describe('the reconciler', () => {
  beforeEach(() => rig.control.start(account, 'r1'));

  it('adds nothing where a job does the work', async () => {
    await rig.control.announce(account, 'r1', 's');
    await batchIn('s');
    const before = await jobs();
    await rig.control.reconcile(account, 'r1');
    expect(await jobs()).toEqual(before);
  });

  it.each(['queued', 'active'])('queues a lost download again that is %s', async (download) => {
    await updateRun(redis.client, account, 'r1', { download });
    await loseJobs();
    await rig.control.reconcile(account, 'r1');
    expect(await jobs()).toMatchObject([{ kind: 'download', tries: 0 }]);
  });

  it.each(['queued', 'active'] as const)('queues a lost append again that is %s', async (state) => {
    await updateRun(redis.client, account, 'r1', { download: 'done' });
    await batchIn('s');
    await noteAppend(redis.client, account, 's', state);
    await loseJobs();
    await rig.control.reconcile(account, 'r1');
    expect(await jobs()).toMatchObject([{ kind: 'append', spool: 's' }]);
  });

  it('queues an append for batches that nobody announced', async () => {
    await batchIn('s');
    await rig.control.reconcile(account, 'r1');
    expect(await lastJob()).toMatchObject({ kind: 'append', spool: 's' });
  });

  it('does not queue what has failed', async () => {
    await updateRun(redis.client, account, 'r1', { download: 'failed' });
    await batchIn('s');
    await noteAppend(redis.client, account, 's', 'failed');
    await loseJobs();
    await rig.control.reconcile(account, 'r1');
    expect(await jobs()).toEqual([]);
    expect((await run()).state).toBe('failed');
  });

  it('starts the run again when Redis has forgotten it', async () => {
    await redis.client.flushall();
    await rig.control.reconcile(account, 'r1');
    expect(await run()).toMatchObject({ id: 'r1', number: 1, download: 'queued' });
    expect(await jobs()).toMatchObject([{ kind: 'download' }]);
  });

  it('rings for a run that ended unheard', async () => {
    await rig.control.ended('download', job(), 'done');
    while (rig.rung.length < 1) await redis.client.ping();
    await loseJobs();
    await rig.control.reconcile(account, 'r1');
    while (rig.rung.length < 2) await redis.client.ping();
    expect(await jobs()).toEqual([]);
  });

  it('has the mail of a spool fetched again that nobody has served for too long', async () => {
    await updateRun(redis.client, account, 'r1', { download: 'done' });
    await batchIn('s');
    await noteAppend(redis.client, account, 's', 'queued');
    await redis.client.set(globalKeys.spoolSeen('s'), rig.now - 60_000);
    await loseJobs();
    await rig.control.reconcile(account, 'r1');
    expect(await spooledKeys(redis.client, account)).toEqual(new Set());
    expect(await run()).toMatchObject({ download: 'queued', finishedAt: 0 });
    expect(await jobs()).toMatchObject([{ kind: 'download' }]);
    expect(await readProblems(redis.client, account)).toMatchObject([{ code: 'spool-lost' }]);
  });

  it.each(['append', 'download'] as const)(
    'has it fetched again as well where a download has listed before it was lost, and %s ends last',
    async (last) => {
      await updateRun(redis.client, account, 'r1', { download: 'active' });
      await batchIn('s');
      await redis.client.set(globalKeys.spoolSeen('s'), rig.now - 60_000);
      await rig.control.reconcile(account, 'r1');
      await loseJobs();
      const ends = [
        () => rig.control.ended('download', job(), 'done'),
        () => rig.control.ended('append', job({ spool: 's' }), 'done'),
      ];
      for (const end of last === 'append' ? ends : ends.reverse()) await end();
      expect(await run()).toMatchObject({ download: 'queued', finishedAt: 0 });
      expect(await jobs()).toMatchObject([{ kind: 'download' }]);
      await rig.control.ended('download', job(), 'done');
      expect((await run()).finishedAt).toBe(rig.now);
    },
  );

  it('does not end a run by an append session while the mail of a spool is being forgotten', async () => {
    await updateRun(redis.client, account, 'r1', { download: 'done' });
    await noteLoss(redis.client, account, 'r1');
    await loseJobs();
    await rig.control.ended('append', job({ spool: 's' }), 'done');
    expect(await run()).toMatchObject({ download: 'queued', finishedAt: 0 });
    expect(await jobs()).toMatchObject([{ kind: 'download' }]);
  });

  it('waits for a spool that was served a moment ago', async () => {
    await batchIn('s');
    await redis.client.set(globalKeys.spoolSeen('s'), rig.now - 59_000);
    await rig.control.reconcile(account, 'r1');
    expect(await registeredBatches(redis.client, account, 's')).toHaveLength(1);
  });
});

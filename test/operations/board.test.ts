import { describe, expect, it, vi } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { accountKeys, globalKeys } from '../../src/ground/keys.ts';
import { noteProblem, problemOf } from '../../src/ledger/problems.ts';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { RollCall } from '../../src/limits/roll-call.ts';
import { overviewSchema } from '../../src/operations/answers/overview.ts';
import { rowsEvent, tableSchema } from '../../src/operations/answers/table.ts';
import { listRuns } from '../../src/operations/runs.ts';
import { accountOf } from '../dashboard/dashboard-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { openBoard, watch } from './board-rig.ts';

const redis = useRedis();
const [ann, bob, cyd] = [accountOf('ann'), accountOf('bob', 'wave-2'), accountOf('cyd')];
const patience = { timeout: 20_000, interval: 20 };

/** A run that somebody else has: nothing rings. */
async function runOf(key: string, id: string, fields: Parameters<typeof updateRun>[3] = {}): Promise<void> {
  await startRun(redis.client, key, id, 1_000_000, false);
  await updateRun(redis.client, key, id, fields);
}

async function endRun(key: string, id: string, code?: 'credentials-refused' | 'connection-refused'): Promise<void> {
  if (code) {
    const error = new MailhaulError(code, { host: 'pop.test', port: 1, user: 'u', reply: 'no', reason: 'no' });
    await noteProblem(redis.client, key, problemOf(error));
    await updateRun(redis.client, key, id, { error: error.message });
  }
  await updateRun(redis.client, key, id, { download: code ? 'failed' : 'done' });
  await finishRunIfDone(redis.client, key, id, 2_000_000);
}

describe('a row', () => {
  it('says how an account stands, why it does not go on, and whether a person must act', async () => {
    await runOf(ann.key, 'r1', {
      listed: 9,
      known: 2,
      appended: 3,
      state: 'running',
      bytesListed: 90,
      bytesAppended: 30,
    });
    await runOf(bob.key, 'r1', { listed: 4 });
    await endRun(bob.key, 'r1', 'credentials-refused');
    await runOf(cyd.key, 'r1', { listed: 4 });
    await endRun(cyd.key, 'r1', 'connection-refused');
    const { table } = await openBoard(await redis.another(), [cyd, ann, bob]);
    const page = await table();
    expect(tableSchema.parse(page)).toEqual(page);
    const [first, second, third] = page.rows;
    expect(first).toMatchObject({ id: 'ann', state: 'running', listed: 9, settled: 5, pending: 4, bytesAppended: 30 });
    expect(first).toMatchObject({
      note: '',
      needsPerson: false,
      startedAt: '1970-01-01T00:16:40.000Z',
      finishedAt: null,
    });
    expect(second).toMatchObject({ id: 'bob', state: 'failed', needsPerson: true, group: 'wave-2' });
    expect(second!.note).toMatch(/refuses the user name or password/);
    expect(third).toMatchObject({
      id: 'cyd',
      state: 'failed',
      needsPerson: false,
      note: expect.stringMatching(/refuses/),
    });
    expect((await table({ needsPerson: 'true' })).rows.map(({ id }) => id)).toEqual(['bob']);
  });

  it('does not say what a run has got over: a wait that is past, a try that was made again', async () => {
    await runOf(ann.key, 'r1', { listed: 3, appended: 1, refused: 2, error: 'until 22:15 UTC, because it is busy' });
    await endRun(ann.key, 'r1');
    await runOf(bob.key, 'r1', { listed: 4 });
    await endRun(bob.key, 'r1', 'credentials-refused');
    await redis.client.hset(accountKeys.run(bob.key), 'error', 'until 22:15 UTC, because it is busy');
    const handle = await redis.another();
    const { table } = await openBoard(handle, [ann, bob]);
    expect((await table()).rows).toMatchObject([
      { state: 'incomplete', note: '2 message(s) are refused by the destination' },
      { state: 'failed', note: expect.stringMatching(/refuses the user name or password/) },
    ]);
    const book = { all: async () => [ann, bob], shared: true };
    expect((await listRuns({ redis: handle.client, book }, ann.id)).runs).toMatchObject([{ id: 'r1', error: '' }]);
  });

  it('that ended tells its problem, not what it waited for on the way', async () => {
    const stale = 'until 2026-11-22 11:00 UTC, because pop.test allows 1 GB a day';
    await runOf(ann.key, 'r1', { listed: 4, appended: 3, refused: 1, error: stale });
    await runOf(bob.key, 'r1', { listed: 4, appended: 2, failed: 2, error: stale });
    await runOf(cyd.key, 'r1', { listed: 4, appended: 1, error: stale });
    for (const { key } of [ann, bob, cyd]) await endRun(key, 'r1');
    const { table } = await openBoard(await redis.another(), [ann, bob, cyd]);
    expect((await table()).rows).toMatchObject([
      { state: 'incomplete', note: '1 message(s) are refused by the destination' },
      { state: 'incomplete', note: '2 message(s) could not be had of the source' },
      { state: 'incomplete', note: '' },
    ]);
  });

  it('names the pause that holds it, at once', async () => {
    const { table, steering } = await openBoard(await redis.another(), [ann, bob], { eventsMs: 60_000 });
    await table();
    // What is read as the board begins does not count as what somebody asked for; what comes then does, for a minute.
    await redis.client.ping();
    expect((await table()).rows[0]).toMatchObject({ state: 'queued', note: '' });
    await steering.pause({ group: 'wave-2' }, 'eve', 'disk swap', 1000);
    expect((await table()).rows).toMatchObject([
      { id: 'ann', state: 'queued' },
      { id: 'bob', state: 'paused', note: 'paused with group wave-2 by eve: disk swap', needsPerson: false },
    ]);
  });

  it('of an account whose schedule has no other run calls for a person when that failed', async () => {
    await runOf(cyd.key, 'r1', { listed: 1 });
    await endRun(cyd.key, 'r1', 'connection-refused');
    const once = {
      default: { when: 'once', zone: null, startAt: null, cutOverAt: null, windows: [] },
      groups: {},
      accounts: {},
    };
    const { table } = await openBoard(await redis.another(), [cyd], { schedules: once as never });
    expect((await table()).rows[0]).toMatchObject({ needsPerson: true });
  });
});

describe('those who look', () => {
  it('are told of the whole at once, and then of each row that changed and of no other', async () => {
    const { board, bell } = await openBoard(await redis.another(), [ann, bob, cyd]);
    const first = watch(board);
    await vi.waitFor(() => expect(first.overviews).toHaveLength(1), patience);
    expect(overviewSchema.parse(first.overviews[0])).toMatchObject({ total: 3, ready: false, openRuns: 0 });
    expect(first.rows).toEqual([{ rows: [], more: true }]);
    await runOf(bob.key, 'r1', { listed: 7, appended: 2 });
    bell.ring(bob.key);
    await vi.waitFor(() => expect(first.rows.at(-1)!.rows).toMatchObject([{ id: 'bob', listed: 7 }]), patience);
    expect(rowsEvent.parse(first.rows.at(-1))).toMatchObject({ more: false });
    expect(first.overviews.at(-1)).toMatchObject({ openRuns: 1, messages: { listed: 7, appended: 2 } });
    // Nothing rings in mid-run: what is under way is looked at.
    await updateRun(redis.client, bob.key, 'r1', { appended: 5 });
    await vi.waitFor(() => expect(first.rows.at(-1)!.rows).toMatchObject([{ id: 'bob', settled: 5 }]), patience);
    const second = watch(board);
    expect(second.overviews).toHaveLength(1);
    expect(second.rows).toEqual([{ rows: [], more: true }]);
    first.stop();
    second.stop();
  });

  it('see accounts come and go', async () => {
    const { board, book, table } = await openBoard(await redis.another(), [ann, bob]);
    const { overviews, rows, stop } = watch(board);
    await vi.waitFor(() => expect(overviews).toHaveLength(1), patience);
    book.set([bob, cyd]);
    await vi.waitFor(() => expect(overviews.at(-1)).toMatchObject({ groups: ['wave-1', 'wave-2'] }), patience);
    await vi.waitFor(() => expect(rows.filter(({ more }) => more)).toHaveLength(2), patience);
    expect((await table()).rows.map(({ id }) => id)).toEqual(['bob', 'cyd']);
    stop();
  });

  it('get at most 500 rows in an event, and that there are more', async () => {
    const many = Array.from({ length: 501 }, (_, at) => accountOf(`u${at}`));
    const { board, steering } = await openBoard(await redis.another(), many);
    const { rows, stop } = watch(board);
    await vi.waitFor(() => expect(rows).toHaveLength(1), patience);
    await steering.pause({ all: true }, 'eve', '', 1000);
    await vi.waitFor(() => expect(rows.length).toBeGreaterThan(1), patience);
    expect(rows[1]).toMatchObject({ more: true });
    expect(rows[1]!.rows).toHaveLength(500);
    stop();
  });

  it('hear that a part of the service has gone, though no account changes', async () => {
    const handle = await redis.another();
    const { board } = await openBoard(handle, [ann]);
    const say = () => ({ roles: ['scheduler', 'pop', 'imap'], spool: '', spoolBytes: 0, tickedAt: Date.now() });
    const call = await RollCall.begin(redis.client, 60_000, say);
    const { overviews, stop } = watch(board);
    await vi.waitFor(() => expect(overviews.at(-1)).toMatchObject({ ready: true }), patience);
    await call.end();
    await vi.waitFor(() => expect(overviews.at(-1)).toMatchObject({ ready: false, processes: [] }), patience);
    stop();
  });
});

it('those who look hear that Redis does not answer, while it does not', async () => {
  const { board } = await openBoard(await redis.another(), [ann]);
  const say = () => ({ roles: ['scheduler', 'pop', 'imap'], spool: '', spoolBytes: 0, tickedAt: Date.now() });
  const call = await RollCall.begin(redis.client, 60_000, say);
  const { overviews, stop } = watch(board);
  await vi.waitFor(() => expect(overviews.at(-1)).toMatchObject({ ready: true }), patience);
  const server = Number(/process_id:(\d+)/.exec(await redis.client.info('server'))![1]);
  process.kill(server, 'SIGSTOP');
  try {
    await vi.waitFor(() => expect(overviews.at(-1)).toMatchObject({ ready: false, total: 1 }), patience);
  } finally {
    process.kill(server, 'SIGCONT');
  }
  await vi.waitFor(() => expect(overviews.at(-1)).toMatchObject({ ready: true }), patience);
  stop();
  await call.end();
});

describe('what nobody has rung for', () => {
  it('is found by the sweep', async () => {
    const { board, table } = await openBoard(await redis.another(), [ann, bob], { boardSweepMs: 1000 });
    const { stop } = watch(board);
    expect((await table()).rows[0]).toMatchObject({ listed: 0 });
    await runOf(ann.key, 'r1', { listed: 3 });
    await vi.waitFor(async () => expect((await table()).rows[0]).toMatchObject({ listed: 3 }), patience);
    stop();
  });

  it('is found when the connection that hears the bell was lost', async () => {
    const { table } = await openBoard(await redis.another(), [ann, bob]);
    expect((await table()).rows[0]).toMatchObject({ listed: 0 });
    await runOf(ann.key, 'r1', { listed: 3 });
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await vi.waitFor(async () => expect((await table()).rows[0]).toMatchObject({ listed: 3 }), patience);
  });
});

it('counts for metrics and status what the rows show', async () => {
  await runOf(ann.key, 'r1', { listed: 9, appended: 3, downloaded: 70, bytesAppended: 30 });
  await startRun(redis.client, ann.key, 'r2', 1000, false);
  await updateRun(redis.client, ann.key, 'r2', { listed: 9, known: 3, appended: 4, bytesAppended: 40, downloaded: 5 });
  const { board } = await openBoard(await redis.another(), [ann, bob]);
  const counted = await board.counted(0);
  expect(counted).toMatchObject({
    openRuns: 1,
    accounts: { queued: 2 },
    messages: { known: 3, appended: 4, pending: 2 },
  });
  expect(counted.hosts.get('imap.wave-1')).toMatchObject({ appended: 7, uploaded: 70 });
  expect(counted.hosts.get('pop.wave-1')).toMatchObject({ downloaded: 75 });
});

it('reads while nobody looks only what rang, once in a step, and notes the step', async () => {
  const { board, bell } = await openBoard(await redis.another(), [ann, bob], { throughputStepMs: 1000 });
  await board.counted(0);
  await runOf(ann.key, 'r1', { appended: 6, bytesAppended: 60 });
  bell.ring(ann.key);
  const noted = async () => (await redis.client.xrange(globalKeys.throughput, '-', '+')).map(([, fields]) => fields);
  await vi.waitFor(
    async () => expect(await noted()).toContainEqual(expect.arrayContaining(['m', '6', 'b', '60'])),
    patience,
  );
});

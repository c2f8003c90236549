import { describe, expect, it } from 'vitest';
import { type Run, startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { Tallier } from '../../src/progress/tally.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const keyOf = (id: string) => id.padStart(32, '0');
const accountsOf = (...ids: string[]) => ids.map((id) => ({ id, key: keyOf(id) }));

async function runOf(id: string, fields: Partial<Record<keyof Run, string | number>>, run = 'r1'): Promise<void> {
  await startRun(redis.client, keyOf(id), run, 1000, false);
  await updateRun(redis.client, keyOf(id), run, { state: 'running', download: 'active', ...fields });
}

const tally = (...ids: string[]) => new Tallier(redis.client, accountsOf(...ids)).tally('r1');

describe('the tally', () => {
  it('counts every message whose end is known, once', async () => {
    const counts = { known: 1, appended: 2, duplicate: 4, refused: 8, refusedBefore: 16, vanished: 32, failed: 64 };
    await runOf('a', { ...counts, listed: 200, bytesListed: 9, downloaded: 8, bytesAppended: 7 });
    const { accounts } = await tally('a');
    const bytes = { bytesListed: 9, bytesDownloaded: 8, bytesAppended: 7 };
    expect(accounts).toMatchObject([
      { id: 'a', state: 'running', listed: 200, settled: 127, ...bytes, hasListing: true },
    ]);
  });

  it('never counts more settled than listed: batches of an earlier run end before the listing', async () => {
    await runOf('a', { appended: 5 });
    expect((await tally('a')).accounts).toMatchObject([{ listed: 5, settled: 5, hasListing: false }]);
  });

  it('knows an empty listing from none', async () => {
    await runOf('a', { download: 'done' });
    await runOf('b', {});
    expect((await tally('a', 'b')).accounts.map(({ hasListing }) => hasListing)).toEqual([true, false]);
  });

  it('shows accounts that have not begun, or whose run is another, as queued', async () => {
    await runOf('b', { listed: 5 }, 'r0');
    const { accounts, finished } = await tally('a', 'b');
    expect(accounts).toMatchObject([
      { id: 'a', state: 'queued', listed: 0 },
      { id: 'b', state: 'queued', listed: 0 },
    ]);
    expect(finished).toBe(0);
  });

  it('says why an account waits, and only then', async () => {
    await runOf('a', { state: 'waiting', error: 'the server is busy' });
    await runOf('b', { error: 'the server was busy' });
    expect((await tally('a', 'b')).accounts.map(({ reason }) => reason)).toEqual(['the server is busy', '']);
  });

  it('adds up all accounts, and has a listing when the last one has', async () => {
    await runOf('a', { listed: 10, appended: 1, bytesListed: 100, downloaded: 20, bytesAppended: 10 });
    await runOf('b', { listed: 20, known: 2, bytesListed: 200 });
    const bytes = { bytesListed: 300, bytesDownloaded: 20, bytesAppended: 10 };
    expect((await tally('a', 'b')).total).toMatchObject({ listed: 30, settled: 3, ...bytes, hasListing: true });
    expect((await tally('a', 'b', 'c')).total.hasListing).toBe(false);
  });

  it('does not wait for the listing of an account that failed', async () => {
    await runOf('a', { listed: 10 });
    await runOf('b', { state: 'failed', download: 'failed' });
    expect((await tally('a', 'b')).total.hasListing).toBe(true);
  });

  it('keeps the last counts of an account that has ended', async () => {
    await runOf('a', { listed: 3, appended: 3, download: 'done' });
    await finishRunIfDone(redis.client, keyOf('a'), 'r1', 2000);
    await runOf('b', {});
    const tallier = new Tallier(redis.client, accountsOf('a', 'b'));
    expect((await tallier.tally('r1')).finished).toBe(1);
    await redis.client.flushall();
    const { accounts, finished } = await tallier.tally('r1');
    expect(finished).toBe(1);
    expect(accounts).toMatchObject([
      { id: 'a', state: 'complete', settled: 3 },
      { id: 'b', state: 'queued' },
    ]);
  });

  it('reads more accounts than are asked for at once, in the order of the list', async () => {
    const ids = Array.from({ length: 1203 }, (_, i) => `${i}`);
    await runOf('1202', { listed: 7 });
    const { accounts, total } = await tally(...ids);
    expect(accounts.map(({ id }) => id)).toEqual(ids);
    expect(total.listed).toBe(7);
  });
});

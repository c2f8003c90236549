import { expect, it } from 'vitest';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { readStandings } from '../../src/report/standing.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const account = { key: 'a'.repeat(32), id: 'ann', group: '' };

async function run(id: string, at: number, download: 'done' | 'left' | 'failed', counts: Record<string, number>) {
  await startRun(redis.client, account.key, id, at, false, 0, 10);
  await updateRun(redis.client, account.key, id, { ...counts, download });
  await finishRunIfDone(redis.client, account.key, id, at + 1);
}

const before = async () => (await readStandings(redis.client, [account]))[0]!.listedBefore;

it('knows what was left behind before a run that listed nothing, and only then', async () => {
  await run('r1', 1000, 'left', { listed: 9, appended: 4 });
  expect(await before()).toBeUndefined();
  await run('r2', 2000, 'failed', {});
  await run('r3', 3000, 'failed', {});
  expect(await before()).toEqual({ finishedAt: 1001, pending: 5 });
  // The source has nothing any more, and said so.
  await run('r4', 4000, 'done', {});
  expect(await before()).toBeUndefined();
  await run('r5', 5000, 'failed', {});
  expect(await before()).toEqual({ finishedAt: 4001, pending: 0 });
});

import { expect, it } from 'vitest';
import { accountKeys } from '../../src/ground/keys.ts';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { readEarlierRuns } from '../../src/ledger/run-history.ts';
import { useRedis } from './redis-rig.ts';

const redis = useRedis();
const account = 'a'.repeat(32);
const start = (id: string, now: number, most = 3) => startRun(redis.client, account, id, now, false, 0, most);

it('keeps how a run ended when the next one begins, with what was accepted after its end', async () => {
  await start('r1', 1000);
  expect(await readEarlierRuns(redis.client, account)).toEqual([]);
  const counts = { listed: 9, known: 1, appended: 4, duplicate: 1, refusedBefore: 2, downloaded: 2 ** 45 };
  await updateRun(redis.client, account, 'r1', {
    ...counts,
    download: 'done',
    rewritesAt: 'imap.test',
    error: 'é "x"',
  });
  await finishRunIfDone(redis.client, account, 'r1', 1_700_000_000_123);
  await redis.client.hincrby(accountKeys.run(account), 'known', 2);
  await start('r2', 3000);
  const [run, ...others] = await readEarlierRuns(redis.client, account);
  expect(others).toEqual([]);
  expect(run).toMatchObject({ id: 'r1', number: 1, state: 'incomplete', error: 'é "x"', rewritten: 4 });
  expect(run).toMatchObject({ startedAt: 1000, finishedAt: 1_700_000_000_123, downloaded: 2 ** 45, refusedBefore: 2 });
  expect(run).toMatchObject({ listed: 9, known: 3, appended: 4, duplicate: 1, refused: 0, repaired: 0 });
});

it('has each run once, however often its start is sent, and the newest only', async () => {
  for (let number = 1; number <= 6; number += 1) {
    await start(`r${number}`, number);
    await start(`r${number}`, number);
  }
  const runs = await readEarlierRuns(redis.client, account);
  expect(runs.map(({ id }) => id)).toEqual(['r5', 'r4', 'r3']);
});

it('stays small: a run takes no more than 350 bytes with the longest error', async () => {
  await start('20261122-101443-abcdef', 1_700_000_000_000);
  const error = '€'.repeat(500);
  const most = { listed: 99_999, known: 99_999, appended: 99_999, bytesListed: 1e12, downloaded: 1e12, error };
  await updateRun(redis.client, account, '20261122-101443-abcdef', most);
  await start('r2', 1);
  const [json = ''] = await redis.client.lrange(accountKeys.runHistory(account), 0, -1);
  expect(Buffer.byteLength(json)).toBeLessThanOrEqual(350);
  expect((await readEarlierRuns(redis.client, account))[0]!.error).toMatch(/^€{60}/);
});

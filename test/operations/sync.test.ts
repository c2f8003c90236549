/** What a sync does when accounts end while it reads how others stand. */
import { expect, it } from 'vitest';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { Bell } from '../../src/limits/bell.ts';
import { type SyncService, sync } from '../../src/operations/sync.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
// Whoever misses a bell finds nothing before the test is over.
const settings = { ...loadSettings({ env: {}, options: {} }), reconcileMs: 600_000 };

it('looks again at an account that rings while another is read', async () => {
  const { client } = redis;
  const bell = await Bell.open(client, (await redis.another()).client);
  let id = '';
  const end = async (account: string) => {
    await updateRun(client, account, id, { download: 'done' });
    await finishRunIfDone(client, account, id, Date.now());
    bell.ring(account);
  };
  const control: SyncService['control'] = {
    start: async (account, run, recheck) => {
      id = run;
      await startRun(client, account, run, Date.now(), recheck ?? false);
      if (account === 'second') await end(account);
    },
    reconcile: async () => {},
  };
  const accounts = ['first', 'second'].map((key) => ({ key, id: key, group: '' }));
  const report = await sync(
    { redis: { client }, bell, control, stopSessions: async () => {} },
    {
      settings,
      accounts,
      recheck: false,
      signal: new AbortController().signal,
      onTally: () => {},
      // The first was read before the second, and was not done then.
      onEnded: async ({ key }) => {
        if (key !== 'second') return;
        const heard = new Promise<void>((done) => {
          const stop = bell.listen((account) => {
            if (account !== 'first') return;
            stop();
            done();
          });
        });
        await end('first');
        await heard;
      },
    },
  );
  expect(report.accounts.map(({ state }) => state)).toEqual(['complete', 'complete']);
  await bell.close();
});

import { expect, it } from 'vitest';
import { systemClock } from '../../src/ground/clock.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { startRun } from '../../src/ledger/run.ts';
import { type HostsContext, SharedHosts } from '../../src/operations/hosts.ts';
import { accountOf } from '../dashboard/dashboard-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { openBoard } from './board-rig.ts';

const redis = useRedis();
const ann = accountOf('ann');

async function hostsOf(eventsMs: number, readWaits: HostsContext['readWaits']) {
  await startRun(redis.client, ann.key, 'r1', 1000, false);
  const handle = await redis.another();
  const { board } = await openBoard(handle, [ann]);
  const settings = { ...loadSettings({ env: {}, options: { dataDir: '/nowhere' } }), eventsMs };
  return new SharedHosts({ redis: handle.client, clock: systemClock, board, settings, readWaits });
}

it('are read once for all who ask in one moment', async () => {
  let reads = 0;
  const hosts = await hostsOf(60_000, async () => {
    reads += 1;
    return new Map();
  });
  const [some, others] = await Promise.all([hosts.list(), hosts.list()]);
  expect(some.map(({ host }) => host).sort()).toEqual(['imap.wave-1', 'pop.wave-1']);
  expect(others).toBe(some);
  expect(await hosts.list()).toBe(some);
  expect(reads).toBe(1);
});

it('are read again by who comes later, and after a fault', async () => {
  let reads = 0;
  const hosts = await hostsOf(0, async () => {
    reads += 1;
    if (reads === 1) throw new Error('away');
    return new Map();
  });
  await expect(hosts.list()).rejects.toThrow('away');
  expect(await hosts.list()).toHaveLength(2);
  expect(await hosts.list()).toHaveLength(2);
  expect(reads).toBe(3);
});

/** A dashboard in this process, over a real Redis, that all tests of a file visit. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Account } from '../../src/accounts/account.ts';
import { packageRoot } from '../../src/ground/package-root.ts';
import { connectRedis, type RedisClient } from '../../src/ground/redis.ts';
import { type DashboardRig, openRig, type RigOptions } from '../dashboard/dashboard-rig.ts';
import { startRedis } from '../servers/redis.ts';
import type { Site } from './visit.ts';

/** The dashboard, where it answers, and how it ends. */
export interface DashboardSite {
  readonly site: Site;
  readonly rig: DashboardRig;
  readonly redis: RedisClient;
  end(): Promise<void>;
}

/** Opens a dashboard for accounts; `write` puts into Redis what is known of them. */
export async function openDashboardSite(
  accounts: readonly Account[],
  write: (redis: RedisClient) => Promise<void>,
  options: RigOptions = {},
): Promise<DashboardSite> {
  const ends: (() => Promise<unknown>)[] = [];
  const end = async () => {
    for (const one of ends.splice(0).reverse()) await one();
  };
  try {
    const directory = await mkdtemp(join(tmpdir(), 'mailhaul-browser-'));
    ends.push(() => rm(directory, { recursive: true }));
    const server = await startRedis({ directory });
    ends.push(() => server.stop());
    const handle = await connectRedis(server.url, { redisStartTimeoutMs: 20_000, redisLostAfterMs: 20_000 });
    ends.push(() => handle.close());
    await write(handle.client);
    const pageFolder = join(packageRoot(), 'dist/dashboard');
    const rig = await openRig(handle, accounts, { pageFolder, ...options, atEnd: (close) => void ends.push(close) });
    return { site: { url: rig.dashboard.url, token: rig.token }, rig, redis: handle.client, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** How busy hosts are, for the dashboard and the metrics. */
import { hostKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { allowedNow } from './adaptive.ts';
import { readAdaptive } from './adaptive-state.ts';
import { budgetOf } from './budgets.ts';

/** One host now. */
export interface HostUsage {
  /** As it was asked for. */
  readonly host: string;
  readonly connections: number;
  /** Connections that are allowed now, with what was learned from the host's answers; 0 for no limit. */
  readonly allowed: number;
  /** The configured limit; 0 for none. */
  readonly limit: number;
  /** Logins that wait for a connection. */
  readonly waiting: number;
  /** When the host is given one connection more, in milliseconds since 1970; 0 unless it is being spared. */
  readonly waitingUntil: number;
  /** Why it is spared; empty otherwise. */
  readonly because: string;
}

/** How busy each of the hosts is. */
export function readHostUsage(
  redis: RedisClient,
  settings: Pick<Settings, 'budgets' | 'adaptiveRaiseMs' | 'adaptiveSlowFactor'>,
  hosts: readonly string[],
  now: number,
): Promise<HostUsage[]> {
  const raiseMs = settings.adaptiveRaiseMs;
  return Promise.all(
    [...new Set(hosts)].map(async (host) => {
      const name = host.toLowerCase();
      const [connections, waiting, state] = await Promise.all([
        redis.zcount(hostKeys.connections(name), `(${now}`, '+inf'),
        redis.zcard(hostKeys.waiting(name)),
        readAdaptive(redis, name),
      ]);
      const limit = budgetOf(settings, host).connections;
      const allowed = allowedNow(state, now, { limit, raiseMs, slowFactor: settings.adaptiveSlowFactor });
      const spared = allowed !== limit;
      const waitingUntil = spared ? state.cutAt + (Math.floor((now - state.cutAt) / raiseMs) + 1) * raiseMs : 0;
      const because = spared ? `${host} throttled or grew slow` : '';
      return { host, connections, allowed, limit, waiting, waitingUntil, because };
    }),
  );
}

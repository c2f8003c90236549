/** Builds everything, supervises, and shuts down in order: the newest part first. */
import { join } from 'node:path';
import { imapWorker } from '../workers/imap.ts';
import { popWorker } from '../workers/pop.ts';
import type { Account } from './accounts/account.ts';
import { systemClock } from './ground/clock.ts';
import { startEmbeddedRedis } from './ground/embedded-redis.ts';
import type { MailhaulError } from './ground/errors.ts';
import type { Log } from './ground/log.ts';
import { checkRedisSafety, connectRedis, type RedisHandle } from './ground/redis.ts';
import type { LoadedSettings } from './ground/settings-load.ts';
import { Closers } from './ground/shutdown.ts';
import { Bell } from './limits/bell.ts';
import { RollCall } from './limits/roll-call.ts';
import { SpoolService } from './limits/spool-service.ts';
import { Steering } from './limits/steering.ts';
import { Queues } from './schedule/queues.ts';
import { RunControl } from './schedule/run-control.ts';
import { adoptBatches } from './spool/adopt.ts';
import { Spool } from './spool/spool.ts';

/** What a process can do: queue runs, take mail, give mail, answer people and monitors. */
export type Role = 'scheduler' | 'pop' | 'imap' | 'dashboard';

/** The roles that move mail, as `sync` has them in one process by default. */
export const allRoles: readonly Role[] = ['scheduler', 'pop', 'imap'];

/** What a service is built from. */
export interface ServiceOptions {
  readonly settings: LoadedSettings;
  readonly accounts: readonly Account[];
  readonly log: Log;
  /** What this process does (design §3). */
  readonly roles: ReadonlySet<Role>;
  /** Ends all sessions at their next batch boundary. */
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
}

/** A running service. */
export interface Service {
  readonly redis: RedisHandle;
  readonly bell: Bell;
  readonly control: RunControl;
  readonly accounts: ReadonlyMap<string, Account>;
  /** What is unsafe about the Redis in use, for a person to read. */
  readonly warnings: readonly MailhaulError[];
  /** Waits for the sessions that run, and takes no new ones. */
  stopSessions(): Promise<void>;
  /** Ends the sessions, then the queues, then Redis. */
  close(): Promise<void>;
}

/** Connects to the Redis that the settings name, or starts one of its own. */
export async function openRedis(settings: LoadedSettings, closers: Closers): Promise<RedisHandle> {
  let url = settings.redis;
  if (url === null) {
    const embedded = await startEmbeddedRedis(settings.dataDir, settings);
    closers.push(() => embedded.stop());
    url = embedded.url;
  }
  const handle = await connectRedis(url, settings);
  closers.push(() => handle.close());
  return handle;
}

/** Builds the service and starts its workers. Throws MailhaulError; what was built by then is closed again. */
export async function openService(options: ServiceOptions): Promise<Service> {
  const closers = new Closers();
  try {
    return await build(options, closers);
  } catch (error) {
    await closers.close().catch(() => {});
    throw error;
  }
}

async function build(options: ServiceOptions, closers: Closers): Promise<Service> {
  const { settings, log, signal, env, roles } = options;
  const redis = await openRedis(settings, closers);
  const { client } = redis;
  const warnings = settings.redis === null ? [] : await checkRedisSafety(redis);
  const bell = await Bell.open(client, redis.duplicate());
  closers.push(() => bell.close());
  const queues = new Queues(redis, log, settings.leaseMs);
  closers.push(() => queues.close());
  const steering = await Steering.open(client, redis.duplicate(), settings);
  closers.push(() => steering.close());
  const accounts = new Map(options.accounts.map((account) => [account.key, account]));
  const isPaused = (key: string) => {
    const account = accounts.get(key);
    return account !== undefined && steering.pausedBy(account) !== undefined;
  };
  const control = new RunControl({ redis: client, settings, queues, bell, log, clock: systemClock, isPaused });
  let spool: Spool | undefined;
  if (roles.has('pop') || roles.has('imap')) {
    spool = await Spool.open(join(settings.dataDir, 'spool'), settings.spoolMaxBytes);
    const context = { accounts, redis: client, settings, spool, bell, control, steering, log, signal, env };
    if (roles.has('imap')) {
      await adoptBatches(client, spool, log);
      queues.work('append', spool.id, settings.imapSessions, imapWorker(context));
      const serving = await SpoolService.begin(client, spool.id, settings.leaseMs);
      closers.push(() => serving.end());
      log.info({ spool: spool.id }, 'serving');
    }
    if (roles.has('pop')) queues.work('download', spool.id, settings.popSessions, popWorker(context));
  }
  const say = () => ({
    roles: [...roles],
    spool: spool?.id ?? '',
    spoolBytes: spool?.space.usedBytes ?? 0,
    tickedAt: 0,
  });
  const rollCall = await RollCall.begin(client, settings.rollCallMs, say);
  closers.push(() => rollCall.end());
  if (roles.has('dashboard')) {
    const book = { all: () => [...accounts.values()] };
    // Loaded for this role only: nobody else needs an HTTP server.
    const { openDashboard } = await import('./dashboard/server.ts');
    const dashboard = await openDashboard({ redis: client, settings, log, book, steering, control, queues });
    closers.push(() => dashboard.close());
  }
  return { redis, bell, control, accounts, warnings, stopSessions: () => queues.close(), close: () => closers.close() };
}

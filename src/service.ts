/** Builds everything, supervises, and shuts down in order: the newest part first. */
import { join } from 'node:path';
import { imapWorker } from '../workers/imap.ts';
import { popWorker } from '../workers/pop.ts';
import type { AccountBook } from './accounts/book.ts';
import { TokenDesk } from './accounts/oauth/token-desk.ts';
import { type BookAccounts, openBook } from './accounts/open-book.ts';
import type { AccountStore } from './accounts/store.ts';
import { ExtraConnections } from './append/extra-connections.ts';
import { KeptConnections } from './append/kept.ts';
import { SourceThread } from './download/thread/source-thread.ts';
import { systemClock } from './ground/clock.ts';
import { embeddedUrl } from './ground/embedded-places.ts';
import { isOwnRedis, startEmbeddedRedis } from './ground/embedded-redis.ts';
import { MailhaulError } from './ground/errors.ts';
import type { Log } from './ground/log.ts';
import { connectRedis, type RedisHandle } from './ground/redis.ts';
import { checkRedisSafety } from './ground/redis-safety.ts';
import { refuseIdleAccess } from './ground/redis-target.ts';
import type { LoadedSettings } from './ground/settings-load.ts';
import { Closers } from './ground/shutdown.ts';
import { LedgerVersion } from './ledger/version.ts';
import { Bell } from './limits/bell.ts';
import { hostRuns } from './limits/budgets.ts';
import { RollCall } from './limits/roll-call.ts';
import { SpoolService } from './limits/spool-service.ts';
import { Steering } from './limits/steering.ts';
import { longestWaits, readWaits } from './limits/waits.ts';
import { type Notifications, openNotifications } from './notify/open.ts';
import { refuseBesideScheduler } from './schedule/beside.ts';
import { Queues } from './schedule/queues.ts';
import { RunControl } from './schedule/run-control.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { askRun, isHeld } from './schedule/state.ts';
import { Trigger } from './schedule/trigger.ts';
import { adoptBatches } from './spool/adopt.ts';
import { Spool } from './spool/spool.ts';

/** What a process can do: queue runs, take mail, give mail, show and steer. */
export type Role = 'scheduler' | 'pop' | 'imap' | 'dashboard';

/** The roles that move mail, as one process of `sync` has them by default. */
export const haulRoles: readonly Role[] = ['scheduler', 'pop', 'imap'];

/** All roles, as one process of the service has them by default. */
export const allRoles: readonly Role[] = [...haulRoles, 'dashboard'];

/** What a service is built from. */
export interface ServiceOptions {
  readonly settings: LoadedSettings;
  readonly accounts: BookAccounts;
  readonly log: Log;
  /** What this process does (design §3). */
  readonly roles: ReadonlySet<Role>;
  /** True for the service: its scheduler begins runs by itself, when their schedules say so. */
  readonly byItself?: boolean;
  /** Ends all sessions at their next batch boundary. */
  readonly signal: AbortSignal;
  /** Drops the connections of all sessions: what waits no longer for batch boundaries. */
  readonly cut?: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
}

/** A running service. */
export interface Service {
  readonly redis: RedisHandle;
  readonly bell: Bell;
  readonly control: RunControl;
  readonly book: AccountBook;
  /** Undefined where nobody wants to be told of anything. */
  readonly notifications: Notifications | undefined;
  /** What is unsafe about the Redis in use, for a person to read. */
  readonly warnings: readonly MailhaulError[];
  /** Waits for the sessions that run, and takes no new ones. */
  stopSessions(): Promise<void>;
  /** Ends the sessions, then the queues, then Redis. */
  close(): Promise<void>;
}

/**
 * Connects to the Redis that the settings name, or starts one of its own, and sees to it that its data has the version
 * of this program. Throws `ledger-newer` and the like (ledger/version.ts).
 */
export async function openRedis(settings: LoadedSettings, closers: Closers): Promise<RedisHandle> {
  const handle = await (isOwnRedis(settings)
    ? openOwnRedis(settings, closers)
    : connectRedis(settings.redis, settings));
  closers.push(() => handle.close());
  const { leaseMs, redisStartTimeoutMs } = settings;
  const version = await LedgerVersion.open(handle.client, { leaseMs, redisStartTimeoutMs, where: handle.where });
  closers.push(() => version.close());
  return handle;
}

/**
 * The same for a command that writes little and may work while a service runs on this data directory: then it uses the
 * Redis of that service.
 */
export async function openRedisBeside(settings: LoadedSettings, closers: Closers): Promise<RedisHandle> {
  try {
    return await openRedis(settings, closers);
  } catch (error) {
    const running = error instanceof MailhaulError && error.code === 'instance-running';
    if (!running || !isOwnRedis(settings)) throw error;
    return openRedis({ ...settings, redis: embeddedUrl(settings.dataDir) }, closers);
  }
}

async function openOwnRedis(settings: LoadedSettings, closers: Closers): Promise<RedisHandle> {
  refuseIdleAccess(settings);
  const embedded = await startEmbeddedRedis(settings.dataDir, settings);
  closers.push(() => embedded.stop());
  const { redisStartTimeoutMs, redisLostAfterMs } = settings;
  return connectRedis(embedded.url, { redisStartTimeoutMs, redisLostAfterMs });
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
  const { settings, log, roles } = options;
  // First: it starts while this thread goes on.
  const sources = roles.has('pop') ? SourceThread.start() : undefined;
  const redis = await openRedis(settings, closers);
  const { client } = redis;
  const warnings = isOwnRedis(settings) ? [] : await checkRedisSafety(redis);
  const bell = await Bell.open(client, redis.duplicate());
  closers.push(() => bell.close());
  if (roles.has('scheduler') && !options.byItself) await refuseBesideScheduler(redis);
  const queues = new Queues(redis, log, settings.leaseMs);
  if (roles.has('scheduler')) queues.open();
  // When the sessions are over, and while Redis ends.
  closers.push(() => sources?.end());
  closers.push(() => queues.close());
  const steering = await Steering.open(client, redis.duplicate(), settings);
  closers.push(() => steering.close());
  const { book, store } = await openBook(options, redis);
  closers.push(() => book.close());
  const notifications = await openNotifications({ redis: client, settings, log, env: options.env, book });
  closers.push(() => notifications?.close());
  const isPaused = async (key: string) =>
    (await isHeld(client, key)) || steering.pausedBy(await book.get(key)) !== undefined;
  const idOf = async (key: string) => (await book.get(key))?.id;
  const told = { isPaused, idOf, onWait: notifications?.onWait };
  const control = new RunControl({ redis: client, settings, queues, bell, log, clock: systemClock, ...told });
  const parts: Parts = { redis, sources, bell, queues, steering, book, control, store, notifications };
  const spool = roles.has('pop') || roles.has('imap') ? await openWorkers(options, parts, closers) : undefined;
  if (options.byItself) await openServiceRoles(options, parts, spool, closers);
  return { ...parts, warnings, stopSessions: () => queues.close(), close: () => closers.close() };
}

/** What the roles of a process share. */
interface Parts extends Pick<Service, 'redis' | 'bell' | 'book' | 'control' | 'notifications'> {
  readonly queues: Queues;
  readonly sources: SourceThread | undefined;
  readonly steering: Steering;
  readonly store: AccountStore | undefined;
}

async function openWorkers(options: ServiceOptions, parts: Parts, closers: Closers): Promise<Spool> {
  const { settings, log, signal, env, roles, cut = new AbortController().signal } = options;
  const { bell, queues, steering, book, control, sources } = parts;
  const { client } = parts.redis;
  const appends = roles.has('imap');
  const headersMaxBytes = appends ? settings.spooledHeadersMaxBytes : 0;
  const spool = await Spool.open(join(settings.dataDir, 'spool'), settings.spoolMaxBytes, headersMaxBytes);
  const tokens = new TokenDesk({ redis: client, settings, env, signal: cut });
  const kept = new KeptConnections(settings);
  closers.push(() => kept.close());
  const own = { bell, control, steering, spool, tokens, kept, extra: new ExtraConnections(), appends };
  const context = { book, redis: client, settings, log, signal, cut, env, ...own };
  if (appends) {
    await adoptBatches(client, spool, log);
    queues.work('append', spool.id, settings.imapSessions, imapWorker(context));
    const serving = await SpoolService.begin(client, spool.id, settings.leaseMs);
    closers.push(() => serving.end());
    log.info({ spool: spool.id }, 'serving');
  }
  if (sources) queues.work('download', spool.id, settings.popSessions, popWorker({ ...context, sources, queues }));
  return spool;
}

/** What only the service has: it schedules by itself, tells that it is alive, and answers people. */
async function openServiceRoles(
  { settings, log, signal, roles, env }: ServiceOptions,
  { redis, bell, queues, steering, book, control, store, notifications }: Parts,
  spool: Spool | undefined,
  closers: Closers,
): Promise<void> {
  const { client } = redis;
  let scheduler: Scheduler | undefined;
  if (roles.has('scheduler')) {
    scheduler = new Scheduler({
      redis: client,
      settings,
      control,
      log,
      clock: systemClock,
      accounts: book,
      steering,
      readWaits: (keys) => longestWaits(client, keys, systemClock.now()),
      hostRuns: () => hostRuns(settings),
      onEnded: notifications?.onEnded,
    });
    notifications?.notifier.begin(scheduler);
    const trigger = await Trigger.open(scheduler, { queues, bell, settings, clock: systemClock, log, signal });
    closers.push(() => trigger.close());
  }
  const rollCall = await RollCall.begin(client, settings.rollCallMs, () => ({
    roles: [...roles],
    spool: spool?.id ?? '',
    spoolBytes: spool?.space.usedBytes ?? 0,
    spoolLimitBytes: spool ? settings.spoolMaxBytes : 0,
    tickedAt: scheduler?.tickedAt ?? 0,
  }));
  closers.push(() => rollCall.end());
  if (!roles.has('dashboard')) return;
  // Loaded for this role only: nobody else needs an HTTP server.
  const { openDashboard } = await import('./dashboard/server.ts');
  const dashboard = await openDashboard({
    redis: client,
    settings,
    log,
    bell,
    book,
    steering,
    control,
    queues,
    askRun: (account, now) => askRun(client, account, now),
    readWaits: (keys, now) => readWaits(client, keys, now),
    env,
    ...(store && { store }),
  });
  closers.push(() => dashboard.close());
}

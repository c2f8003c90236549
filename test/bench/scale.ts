/** `npm run bench -- --scale`: the built service with very many accounts that are all due at once, and then idle. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { globalKeys } from '../../src/ground/keys.ts';
import { connectRedis, type RedisClient } from '../../src/ground/redis.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { ScriptedImap } from '../servers/scripted-imap.ts';
import { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { atExit } from './at-exit.ts';
import { scaleId, scaleList } from './scale-list.ts';
import { ScaleService } from './scale-service.ts';
import { median } from './statistics.ts';

/** What was measured with so many accounts. */
export interface ScaleFigures {
  accounts: number;
  /** From the start of the process until the list was in Redis. */
  importSeconds: number;
  /** From the first run that began to the last one, and to the end of the last one. */
  begunSeconds: number;
  endedSeconds: number;
  /** Bytes in Redis: of the list, and how many more than when it was empty it used after every account had run. */
  redisListBytes: number;
  redisBytes: number;
  /** Resident memory of the service while nothing is due, and its peak, in MB. */
  rssMB: number;
  peakRssMB: number;
  /** Share of one core that the service and Redis took while nothing was due, in per cent. */
  idlePercent: number;
  redisIdlePercent: number;
  /** Median milliseconds of a page of 100 accounts, of a page behind the middle, and of /metrics counted anew. */
  pageMs: number;
  laterPageMs: number;
  metricsMs: number;
  /** What was wrong; empty when nothing was. */
  problems: string[];
}

/** The two sizes, and how long and how often is measured. */
export interface ScalePlan {
  readonly sizes: readonly [small: number, large: number];
  /** From the last run until idleness is measured: V8 clears up, once, about half a minute after the work. */
  readonly settleMs: number;
  readonly idleMs: number;
  readonly requests: number;
  /** How often /metrics is asked for after its counts have grown old (`metricsMs`). */
  readonly scrapes: number;
}

/** What is measured by the extent of the benchmark. */
export const scalePlans: Readonly<Record<'full' | 'quick', ScalePlan>> = {
  full: { sizes: [1000, 10_000], settleMs: 60_000, idleMs: 40_000, requests: 20, scrapes: 3 },
  quick: { sizes: [100, 1000], settleMs: 500, idleMs: 2000, requests: 3, scrapes: 1 },
};

/** Longer than `metricsMs` of config/default.yaml: what is asked for then is counted anew. */
const countsAreOldMs = 10_500;

/** Measures both sizes, each with a Redis and a data directory of its own. */
export async function measureScale(
  plan: ScalePlan,
  program: string,
  directory: string,
  say: (text: string) => void,
): Promise<ScaleFigures[]> {
  const all: ScaleFigures[] = [];
  for (const accounts of plan.sizes) {
    const own = join(directory, `scale-${accounts}`);
    await mkdir(own);
    const figures = await measureOne(accounts, plan, program, own);
    const wrong = figures.problems.length > 0 ? `  WRONG: ${figures.problems.join('; ')}` : '';
    say(`scale ${String(accounts).padStart(6)} accounts: all ran in ${figures.endedSeconds.toFixed(1)} s${wrong}`);
    all.push(figures);
    await rm(own, { recursive: true, force: true });
  }
  return all;
}

async function measureOne(
  accounts: number,
  plan: ScalePlan,
  program: string,
  directory: string,
): Promise<ScaleFigures> {
  // Maildrops without mail: what a run costs besides is measured, not the mail.
  const pop = await ScriptedPop3.start({ anyUser: true, messages: [] });
  const imap = await ScriptedImap.start();
  const redis = await startRedis({ directory });
  const forget = atExit(() => process.kill(redis.pid, 'SIGKILL'));
  const { client, close } = await connectRedis(redis.url, { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 });
  try {
    const list = join(directory, 'accounts.csv');
    await writeFile(list, scaleList(accounts, pop.port, imap.port), { mode: 0o600 });
    return await measureService({ accounts, plan, program, directory, redis, client, list });
  } finally {
    await close();
    await redis.stop();
    forget();
    await Promise.all([pop.close(), imap.stop()]);
  }
}

interface Measuring {
  readonly accounts: number;
  readonly plan: ScalePlan;
  readonly program: string;
  readonly directory: string;
  readonly redis: RedisServer;
  readonly client: RedisClient;
  readonly list: string;
}

async function measureService(given: Measuring): Promise<ScaleFigures> {
  const { accounts, plan, program, directory, redis, client, list } = given;
  const empty = await usedMemory(client);
  const service = ScaleService.start(program, { list, redis: redis.url, directory });
  try {
    const imported = await service.line('account list imported');
    const listed = await listBytes(client);
    await service.lines('run ended', accounts);
    const [first, last] = service.timesOf('run begins');
    const [, ended] = service.timesOf('run ended');
    await pause(plan.settleMs);
    const used = (await usedMemory(client)) - empty;
    const idle = await measureIdle(service, client, plan.idleMs);
    const latencies = await measureLatencies(service, plan, accounts);
    const { rssMB, peakRssMB } = service.memory();
    await service.stop();
    return {
      accounts,
      importSeconds: (imported - service.startedAt) / 1000,
      begunSeconds: (last - first) / 1000,
      endedSeconds: (ended - first) / 1000,
      redisListBytes: listed,
      redisBytes: used,
      rssMB,
      peakRssMB,
      ...idle,
      ...latencies,
      problems: service.problems(accounts),
    };
  } finally {
    service.kill();
  }
}

async function measureIdle(service: ScaleService, client: RedisClient, idleMs: number) {
  const before = [service.cpuSeconds(), await redisCpuSeconds(client)] as const;
  const began = performance.now();
  await pause(idleMs);
  const seconds = (performance.now() - began) / 1000;
  const share = (used: number) => (used / seconds) * 100;
  return {
    idlePercent: share(service.cpuSeconds() - before[0]),
    redisIdlePercent: share((await redisCpuSeconds(client)) - before[1]),
  };
}

async function measureLatencies(service: ScaleService, { requests, scrapes }: ScalePlan, accounts: number) {
  const scraped: number[] = [];
  for (let turn = 0; turn < scrapes; turn += 1) {
    if (turn > 0) await pause(countsAreOldMs);
    scraped.push(await service.get('/metrics', `mailhaul_accounts{state="complete"} ${accounts}`));
  }
  const many = async (path: string, holds: string) => {
    const took: number[] = [];
    for (let turn = 0; turn < requests; turn += 1) took.push(await service.get(path, holds));
    return median(took);
  };
  const middle = scaleId(accounts >> 1);
  return {
    pageMs: await many('/api/accounts?limit=100', scaleId(99)),
    laterPageMs: await many(`/api/accounts?limit=100&after=${middle}`, scaleId((accounts >> 1) + 1)),
    metricsMs: median(scraped),
  };
}

/** Of the key alone: the first accounts run as soon as the list is there, and what they leave is no part of it. */
async function listBytes(client: RedisClient): Promise<number> {
  // SAMPLES 0: every account is counted.
  return Number(await client.call('MEMORY', 'USAGE', globalKeys.accounts, 'SAMPLES', '0'));
}

async function usedMemory(client: RedisClient): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
}

async function redisCpuSeconds(client: RedisClient): Promise<number> {
  const info = await client.info('cpu');
  const used = (kind: string) => Number(new RegExp(`^used_cpu_${kind}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return used('user') + used('sys');
}

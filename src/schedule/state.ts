/** What is known of an account's schedule, in Redis: when it ran, whether it runs, what a person asked for. */
import { accountKeys, globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';

/** What a run is begun for: a person asked, its cut-over has come, or its schedule says so. */
export type RunReason = 'asked' | 'cut-over' | 'schedule';

/** The state of one account's schedule. Times are milliseconds since 1970, 0 for never. */
export interface ScheduleState {
  /** When a scheduler first saw the account. */
  readonly seenAt: number;
  readonly lastStartedAt: number;
  readonly lastFinishedAt: number;
  /** How long the last run took; 0 when none has ended. */
  readonly lastMs: number;
  /** Runs in a row that brought nothing new and left nothing, and when the first of them began. */
  readonly cleanRuns: number;
  readonly cleanFrom: number;
  /** When a person asked for a run that has not begun. */
  readonly askedAt: number;
  /** When the last of the runs ended that its schedule wanted. */
  readonly doneAt: number;
  /** Id of the run that is under way; empty when there is none. */
  readonly run: string;
  /** What that run was begun for. */
  readonly reason: RunReason;
  /** True while that run is paused because its window is closed. */
  readonly held: boolean;
  /** When the window of that run closes; 0 for never. */
  readonly closesAt: number;
}

/** The state of an account that was never seen. */
export const blankState: ScheduleState = {
  seenAt: 0,
  lastStartedAt: 0,
  lastFinishedAt: 0,
  lastMs: 0,
  cleanRuns: 0,
  cleanFrom: 0,
  askedAt: 0,
  doneAt: 0,
  run: '',
  reason: 'schedule',
  held: false,
  closesAt: 0,
};

/** Accounts in one round trip. */
const atOnce = 500;

/** Reads the states of many accounts, in their order; 500 in a round trip. */
export async function readScheduleStates(redis: RedisClient, accounts: readonly string[]): Promise<ScheduleState[]> {
  const states: ScheduleState[] = [];
  for (let from = 0; from < accounts.length; from += atOnce) {
    const pipeline = redis.pipeline();
    for (const account of accounts.slice(from, from + atOnce)) pipeline.hgetall(accountKeys.schedule(account));
    for (const [error, hash] of (await pipeline.exec()) ?? []) {
      if (error) throw error;
      states.push(parse(hash as Record<string, string>));
    }
  }
  return states;
}

/** Notes when accounts were first seen; 500 in a round trip. */
export async function noteSeen(redis: RedisClient, accounts: readonly string[], now: number): Promise<void> {
  for (let from = 0; from < accounts.length; from += atOnce) {
    const pipeline = redis.pipeline();
    for (const account of accounts.slice(from, from + atOnce)) {
      pipeline.hsetnx(accountKeys.schedule(account), 'seenAt', now);
    }
    await pipeline.exec();
  }
}

/** A person wants this account to run whatever its schedule says; the next tick of a scheduler begins it. */
export async function askRun(redis: RedisClient, account: string, now: number): Promise<void> {
  await redis.hset(accountKeys.schedule(account), 'askedAt', now);
  await redis.sadd(globalKeys.asked, account);
  await redis.publish(globalKeys.bell, globalKeys.planBell);
}

/** True while the account's run is paused because its window is closed: the scheduler goes on with it. */
export async function isHeld(redis: RedisClient, account: string): Promise<boolean> {
  const [[run, held], current] = await Promise.all([
    redis.hmget(accountKeys.schedule(account), 'run', 'held'),
    redis.hget(accountKeys.run(account), 'id'),
  ]);
  return held === '1' && run === current;
}

/** The accounts whose run was asked for, and how to forget that it was noticed. */
export async function takeAsked(redis: RedisClient): Promise<string[]> {
  const asked = await redis.smembers(globalKeys.asked);
  for (let from = 0; from < asked.length; from += atOnce) {
    await redis.srem(globalKeys.asked, ...asked.slice(from, from + atOnce));
  }
  return asked;
}

// Of two schedulers that both believe themselves alone, one begins the run. A resent call finds its own run.
const claimScript = new Script(`
  local run = redis.call('HGET', KEYS[1], 'run') or ''
  if run ~= ARGV[2] then return run == ARGV[1] and 1 or 0 end
  redis.call('HSET', KEYS[1], 'run', ARGV[1], 'lastStartedAt', ARGV[3], 'reason', ARGV[4], 'closesAt', ARGV[5],
    'held', '', 'doneAt', 0)
  redis.call('HSETNX', KEYS[1], 'seenAt', ARGV[3])
  redis.call('HDEL', KEYS[1], 'askedAt')
  return 1
`);

/** What is written when a run is begun, or one that somebody else began is taken over. */
export interface Claim extends Pick<ScheduleState, 'run' | 'reason' | 'closesAt'> {
  /** The run that has to be there now; empty for none. */
  readonly instead: string;
  readonly startedAt: number;
}

/** Enters a run as the one of its account. Returns false when another is under way. */
export async function claimRun(redis: RedisClient, account: string, claim: Claim): Promise<boolean> {
  const { run, instead, startedAt, reason, closesAt } = claim;
  const reply = await claimScript.run(
    redis,
    [accountKeys.schedule(account)],
    [run, instead, startedAt, reason, closesAt],
  );
  return reply === 1;
}

const setScript = new Script(`
  if redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[1], unpack(ARGV, 2))
  return 1
`);

/** Changes fields while the run is the account's. Returns false when it is not. */
export async function changeRun(
  redis: RedisClient,
  account: string,
  run: string,
  fields: Partial<ScheduleState>,
): Promise<boolean> {
  const written = Object.entries(fields).flatMap(([name, value]) => [
    name,
    typeof value === 'boolean' ? (value ? 1 : '') : value,
  ]);
  return (await setScript.run(redis, [accountKeys.schedule(account)], [run, ...written])) === 1;
}

function parse(hash: Record<string, string>): ScheduleState {
  const number = (name: keyof ScheduleState) => Number(hash[name] ?? 0);
  return {
    seenAt: number('seenAt'),
    lastStartedAt: number('lastStartedAt'),
    lastFinishedAt: number('lastFinishedAt'),
    lastMs: number('lastMs'),
    cleanRuns: number('cleanRuns'),
    cleanFrom: number('cleanFrom'),
    askedAt: number('askedAt'),
    doneAt: number('doneAt'),
    run: hash['run'] ?? '',
    reason: (hash['reason'] ?? 'schedule') as RunReason,
    held: hash['held'] === '1',
    closesAt: number('closesAt'),
  };
}

/** The state of an account's run, in Redis: what is counted, how far it is, and how it ended. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { luaKeepRun } from './kept-run.ts';
import { totalNames } from './total-names.ts';

/** States of an account as the report names them (design §4). */
export type RunState = 'queued' | 'running' | 'waiting' | 'paused' | 'complete' | 'incomplete' | 'failed';

/** One run of one account. Counts are messages, or bytes where the name says so. */
export interface Run {
  readonly id: string;
  /** Number of the run in the account's life, from 1. */
  readonly number: number;
  readonly state: RunState;
  /** Milliseconds since 1970; 0 when it has not come to that yet. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** How far the download is; `left` is for a later run, because this one may not wait so long. */
  readonly download: 'queued' | 'active' | 'done' | 'failed' | 'left';
  readonly listed: number;
  /** Settled in an earlier run, and skipped by rules in this one. */
  readonly known: number;
  /** Skipped by rules in this run: signed off as they came. */
  readonly accepted: number;
  readonly appended: number;
  readonly duplicate: number;
  /** Refused in this run. */
  readonly refused: number;
  /** Refused in an earlier run and not accepted. */
  readonly refusedBefore: number;
  readonly failed: number;
  readonly vanished: number;
  readonly bytesListed: number;
  readonly downloaded: number;
  readonly bytesAppended: number;
  readonly repaired: number;
  /** Appended at a destination that is known to change what it stores. */
  readonly rewritten: number;
  /** The host of such a destination; empty for others. */
  readonly rewritesAt: string;
  /** True when the destination was opened in this run. */
  readonly destinationOpened: boolean;
  /** True when a session has taken all that was listed, and another looks whether that was all there is. */
  readonly draining: boolean;
  /** True when the headers of the source were held against the destination in this run. */
  readonly probed: boolean;
  /** Messages in the destination's mailbox when the run opened it; -1 until it did. */
  readonly destinationMessages: number;
  /** True when the destination is to be opened even if nothing is new. */
  readonly recheck: boolean;
  /** The longest that this run waits for a budget or a server, in milliseconds; 0 for as long as it takes. */
  readonly waitMaxMs: number;
  /** Token of the download session that began last: it alone hands batches over. */
  readonly taker: string;
  readonly error: string;
}

// The counts of the run before go into the totals, in the same breath in which they are forgotten.
const startScript = new Script(`${luaKeepRun}
  local last = redis.call('HGET', KEYS[1], 'id')
  if last and last ~= ARGV[1] and tonumber(ARGV[5]) > 0 then keepRun(KEYS[1], KEYS[6], tonumber(ARGV[5])) end
  for _, name in ipairs({${totalNames.map((name) => `'${name}'`).join(', ')}}) do
    local count = redis.call('HGET', KEYS[1], name)
    if count then redis.call('HINCRBY', KEYS[2], 'total:' .. name, count) end
  end
  local number = redis.call('HINCRBY', KEYS[2], 'runs', 1)
  redis.call('DEL', KEYS[1], KEYS[3], KEYS[4], KEYS[5])
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'number', number, 'startedAt', ARGV[2], 'state', 'queued',
    'download', 'queued', 'recheck', ARGV[3], 'waitMaxMs', ARGV[4])
  return number
`);

/**
 * Starts a run of an account; the counts of the one before are gone, the ledger stays. How that one ended is kept with
 * the `historyMax` newest before it.
 */
export async function startRun(
  redis: RedisClient,
  account: string,
  id: string,
  now: number,
  recheck: boolean,
  waitMaxMs = 0,
  historyMax = 0,
): Promise<void> {
  const keys = [
    accountKeys.run(account),
    accountKeys.ledger(account),
    accountKeys.runMailboxes(account),
    accountKeys.problems(account),
    accountKeys.appendSessions(account),
    accountKeys.runHistory(account),
  ];
  await startScript.run(redis, keys, [id, now, recheck ? 1 : 0, waitMaxMs, historyMax]);
}

/** True until a run of this account has taken everything that was listed. */
export async function isFirstRun(redis: RedisClient, account: string): Promise<boolean> {
  return (await redis.hget(accountKeys.ledger(account), 'firstRunDone')) === null;
}

const updateScript = new Script(`
  local id, finished = unpack(redis.call('HMGET', KEYS[1], 'id', 'finishedAt'))
  if id ~= ARGV[1] or finished then return 0 end
  redis.call('HSET', KEYS[1], unpack(ARGV, 2))
  return 1
`);

/** Sets fields of the run, unless it has ended or another run has begun. */
export async function updateRun(
  redis: RedisClient,
  account: string,
  id: string,
  fields: Partial<Record<keyof Run | 'lost', string | number>>,
): Promise<boolean> {
  const args = Object.entries(fields).flatMap(([name, value]) => [name, value as string | number]);
  return (await updateScript.run(redis, [accountKeys.run(account)], [id, ...args])) === 1;
}

/** Reads the run of an account; undefined when it never had one, or Redis was flushed. */
export async function readRun(redis: RedisClient, account: string): Promise<Run | undefined> {
  return parseRun(await redis.hgetall(accountKeys.run(account)));
}

/** Reads the runs of many accounts in one round trip; undefined where that failed, too. */
export async function readRuns(redis: RedisClient, accounts: readonly string[]): Promise<(Run | undefined)[]> {
  return Promise.all(accounts.map((account) => readRun(redis, account).catch(() => undefined)));
}

/** Whether a run goes on. */
export type RunStanding = Pick<Run, 'id' | 'state' | 'finishedAt'>;

/** Reads no more of runs than whether they go on; undefined where there is none. */
export async function readRunStandings(
  redis: RedisClient,
  accounts: readonly string[],
): Promise<(RunStanding | undefined)[]> {
  const standing = async (account: string) => {
    const fields = await redis.hmget(accountKeys.run(account), 'id', 'state', 'finishedAt').catch(() => []);
    const [id, state, finishedAt] = fields;
    return id ? { id, state: (state ?? 'queued') as RunState, finishedAt: Number(finishedAt ?? 0) } : undefined;
  };
  return Promise.all(accounts.map(standing));
}

/** What of a run tells how its messages stand. */
export type RunCounts = Pick<
  Run,
  'listed' | 'known' | 'appended' | 'duplicate' | 'refused' | 'refusedBefore' | 'failed' | 'vanished'
>;

/** Messages that are listed and not accounted for otherwise; none before the first listing. */
export function pendingIn({ listed, known, appended, duplicate, vanished, failed, ...run }: RunCounts): number {
  return Math.max(0, listed - known - appended - duplicate - run.refused - run.refusedBefore - failed - vanished);
}

/** Messages of the run that were appended, by mailbox. */
export async function readRunMailboxes(redis: RedisClient, account: string): Promise<Record<string, number>> {
  const hash = await redis.hgetall(accountKeys.runMailboxes(account));
  return Object.fromEntries(Object.entries(hash).map(([path, count]) => [path, Number(count)]));
}

/** The fields of a run's hash that say how it stands; it has others, of its sessions. */
export const runFields = [
  ...['id', 'number', 'state', 'startedAt', 'finishedAt', 'download', 'listed', 'known', 'accepted', 'appended'],
  ...['duplicate', 'refused', 'refusedBefore', 'failed', 'vanished', 'bytesListed', 'downloaded', 'bytesAppended'],
  ...['repaired', 'rewritesAt', 'destinationOpened', 'draining', 'probed', 'destinationMessages', 'recheck'],
  ...['waitMaxMs', 'taker', 'error'],
] as const;

/** A run as its hash in Redis has it; undefined for an empty one. */
export function parseRun(hash: Record<string, string>): Run | undefined {
  if (!hash['id']) return undefined;
  const number = (name: string) => Number(hash[name] ?? 0);
  return {
    id: hash['id'],
    number: number('number'),
    state: (hash['state'] ?? 'queued') as RunState,
    startedAt: number('startedAt'),
    finishedAt: number('finishedAt'),
    download: (hash['download'] ?? 'queued') as Run['download'],
    listed: number('listed'),
    known: number('known') + number('accepted'),
    accepted: number('accepted'),
    appended: number('appended'),
    duplicate: number('duplicate'),
    refused: number('refused'),
    refusedBefore: number('refusedBefore'),
    failed: number('failed'),
    vanished: number('vanished'),
    bytesListed: number('bytesListed'),
    downloaded: number('downloaded'),
    bytesAppended: number('bytesAppended'),
    repaired: number('repaired'),
    // Counted by the script that settles, so that it is right whatever is killed.
    rewritten: hash['rewritesAt'] ? number('appended') : 0,
    rewritesAt: hash['rewritesAt'] ?? '',
    destinationOpened: hash['destinationOpened'] === '1',
    draining: hash['draining'] === '1',
    probed: hash['probed'] === '1',
    destinationMessages: Number(hash['destinationMessages'] ?? -1),
    recheck: hash['recheck'] === '1',
    waitMaxMs: number('waitMaxMs'),
    taker: hash['taker'] ?? '',
    error: hash['error'] ?? '',
  };
}

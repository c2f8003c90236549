/**
 * How an account stands, read as a whole and cheaply for thousands at a time: its run, the sums over the runs before it,
 * and what keeps it back.
 */
import type { ErrorCode } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { parseRun, type Run, runFields } from './run.ts';
import { type RunTotals, totalNames } from './total-names.ts';

/** One account, at one moment. */
export interface Standing {
  readonly run: Run | undefined;
  /** Of the runs before this one. */
  readonly before: RunTotals;
  /** The problems of a run that waits, is incomplete or has failed: what keeps it back is among them. Not read of others. */
  readonly problems: readonly NotedProblem[];
  /** All of it as Redis told it: what is the same as before needs no second look. */
  readonly told: string;
}

/** A problem, in short. */
export interface NotedProblem {
  readonly code: ErrorCode;
  readonly text: string;
}

/** Sums of nothing. */
export const noTotals = Object.fromEntries(totalNames.map((name) => [name, 0])) as RunTotals;

/** An account of which nothing has been read. */
export const unread: Standing = { run: undefined, before: noTotals, problems: [], told: '' };

// One string an account: each value of a reply costs its reader as much as the whole of it.
const readScript = new Script(`
  local told = redis.call('HMGET', KEYS[2], ${totalNames.map((name) => `'total:${name}'`).join(', ')})
  local run = redis.call('HMGET', KEYS[1], ${runFields.map((name) => `'${name}'`).join(', ')})
  for i = 1, #run do told[${totalNames.length} + i] = run[i] end
  local state = run[${runFields.indexOf('state') + 1}]
  if state == 'waiting' or state == 'incomplete' or state == 'failed' then
    local problems = redis.call('HGETALL', KEYS[3])
    for i = 1, #problems do told[${totalNames.length + runFields.length} + i] = problems[i] end
  end
  for i = 1, #told do told[i] = told[i] or '' end
  -- The one field with words of others: a NUL in them would shift all that follows.
  local words = ${totalNames.length + runFields.indexOf('error') + 1}
  told[words] = string.gsub(told[words], '%z', ' ')
  return table.concat(told, '\\0')
`);

/** Standings of accounts by their keys, in one round trip. Throws what Redis throws. */
export async function readRunStandings(redis: RedisClient, accounts: readonly string[]): Promise<Standing[]> {
  return (await readToldStandings(redis, accounts)).map(standingOf);
}

/** The same as Redis tells it, for who has it already. */
export async function readToldStandings(redis: RedisClient, accounts: readonly string[]): Promise<string[]> {
  const calls = accounts.map((account) => [
    accountKeys.run(account),
    accountKeys.ledger(account),
    accountKeys.problems(account),
  ]);
  return (await readScript.runEach(redis, calls, [])) as string[];
}

/** What Redis told, taken apart. */
export function standingOf(told: string): Standing {
  const parts = told.split('\0');
  const firstRun = totalNames.length;
  const firstProblem = firstRun + runFields.length;
  const hash: Record<string, string> = {};
  for (const [at, name] of runFields.entries()) {
    const value = parts[firstRun + at]!;
    if (value !== '') hash[name] = value;
  }
  const problems: NotedProblem[] = [];
  for (let at = firstProblem; at + 1 < parts.length; at += 2) {
    const { text } = JSON.parse(parts[at + 1]!) as { text: string };
    problems.push({ code: parts[at] as ErrorCode, text });
  }
  const before = { ...noTotals } as Record<keyof RunTotals, number>;
  for (const [at, name] of totalNames.entries()) before[name] = Number(parts[at]);
  return { run: parseRun(hash), before, problems, told };
}

/** The sums over all runs, the current one included. */
export function totalsOf({ run, before }: Pick<Standing, 'run' | 'before'>): RunTotals {
  if (!run) return before;
  const all = { ...before } as Record<keyof RunTotals, number>;
  for (const name of totalNames) all[name] += run[name];
  return all;
}

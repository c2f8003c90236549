/** What went wrong in a run, by code: for the report. */
import { randomBytes } from 'node:crypto';
import { type ErrorCode, type ErrorDetails, errorRow, MailhaulError, type Stops } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';

/** One kind of problem of one account, as the report shows it (design §4). */
export interface Problem {
  readonly code: ErrorCode;
  readonly stops: Stops;
  /** How often: messages where it stops messages, else times. */
  readonly count: number;
  readonly text: string;
  readonly remedy: string;
}

/** The problem that an error is. */
export function problemOf(error: MailhaulError, count = 1): Problem {
  return { code: error.code, stops: error.stops, count, text: error.message, remedy: error.remedy };
}

/** Notes a problem of the run; a later one with the same code takes its place. */
export async function noteProblem(redis: RedisClient, account: string, problem: Problem): Promise<void> {
  const { code, count, text, remedy } = problem;
  const usual = remedy === errorRow(code).remedy;
  await redis.hset(accountKeys.problems(account), code, JSON.stringify({ count, text, ...(!usual && { remedy }) }));
}

/** What the run says of a code so far; undefined where it says nothing. */
export async function notedText(redis: RedisClient, account: string, code: ErrorCode): Promise<string | undefined> {
  const noted = await redis.hget(accountKeys.problems(account), code);
  return noted === null ? undefined : (JSON.parse(noted) as { text: string }).text;
}

// The pieces of a problem's JSON, between which the count belongs.
const addScript = new Script(`
  local noted = redis.call('HGET', KEYS[1], ARGV[1])
  local all = tonumber(ARGV[2]) + (noted and cjson.decode(noted).count or 0)
  redis.call('HSET', KEYS[1], ARGV[1], table.concat({ unpack(ARGV, 3) }, string.format('%d', all)))
  return all
`);

/**
 * Notes `count` more of a problem that is counted; `{count}` in its text is how many there are by now. One script: a
 * session settles several commands at once.
 */
export async function addProblem(
  redis: RedisClient,
  account: string,
  code: ErrorCode,
  details: ErrorDetails,
  count = 1,
): Promise<void> {
  // Stands for the number that only Redis knows; what servers say cannot have it in it.
  const mark = randomBytes(16).toString('hex');
  const { message: text } = new MailhaulError(code, { ...details, count: mark });
  const pieces = `{"count":${mark},"text":${JSON.stringify(text)}}`.split(mark);
  await addScript.run(redis, [accountKeys.problems(account)], [code, count, ...pieces]);
}

/** All problems of an account: those of its run, and the refusals that nobody has accepted. */
export async function readProblems(redis: RedisClient, account: string): Promise<Problem[]> {
  const [noted, refusals, skipped] = await Promise.all([
    redis.hgetall(accountKeys.problems(account)),
    redis.hvals(accountKeys.refusals(account)),
    redis.hget(accountKeys.run(account), 'accepted'),
  ]);
  const found = new Map<ErrorCode, { count: number; text: string; remedy?: string }>();
  for (const [code, json] of Object.entries(noted)) {
    found.set(code as ErrorCode, JSON.parse(json) as { count: number; text: string; remedy?: string });
  }
  const skips = found.get('message-skipped');
  if (skips && Number(skipped) > 0) found.set('message-skipped', { ...skips, count: Number(skipped) });
  // Noted by a session that died before it settled them.
  else found.delete('message-skipped');
  for (const json of refusals) {
    const { code, text } = JSON.parse(json) as { code: ErrorCode; text: string };
    found.set(code, { count: (found.get(code)?.count ?? 0) + 1, text: found.get(code)?.text ?? text });
  }
  return [...found].map(([code, { count, text, remedy }]) => {
    const row = errorRow(code);
    return { code, stops: row.stops, count, text, remedy: remedy ?? row.remedy };
  });
}

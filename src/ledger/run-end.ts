/** The end of an account's run. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { updateRun } from './run.ts';

// Whoever ends last, download or append, finds everything done; only one of them sees 1.
const finishScript = new Script(`
  local run = {}
  local flat = redis.call('HGETALL', KEYS[1])
  for i = 1, #flat, 2 do run[flat[i]] = flat[i + 1] end
  if run.id ~= ARGV[1] or run.finishedAt then return 0 end
  if run.download ~= 'done' and run.download ~= 'failed' and run.download ~= 'left' then return 0 end
  if run.download == 'done' and run.lost then
    redis.call('HDEL', KEYS[1], 'lost')
    redis.call('HSET', KEYS[1], 'download', 'queued')
    return 2
  end
  local failed = run.download == 'failed'
  local left = run.download == 'left'
  for _, spool in ipairs(redis.call('HKEYS', KEYS[2])) do
    local append = redis.call('HGET', KEYS[4], spool)
    if append == 'failed' then failed = true
    elseif append == 'left' then left = true
    else return 0 end
  end
  local function n(name) return tonumber(run[name] or 0) end
  local open = n('listed') - n('known') - n('accepted') - n('appended') - n('duplicate') - n('vanished')
  local state = 'complete'
  if open > 0 or left then state = 'incomplete' end
  if failed then state = 'failed' end
  redis.call('HSET', KEYS[1], 'state', state, 'finishedAt', ARGV[2])
  if run.download == 'done' then redis.call('HSET', KEYS[3], 'firstRunDone', 1) end
  return 1
`);

/** What became of a run: `ended` for the one call that ended it, `lost` for the one that has to queue its download again. */
export type RunEnd = 'open' | 'ended' | 'lost';

/** Ends the run when both sides are through, and nothing was lost since the download began that ended last. */
export async function finishRunIfDone(redis: RedisClient, account: string, id: string, now: number): Promise<RunEnd> {
  const keys = [
    accountKeys.run(account),
    accountKeys.spools(account),
    accountKeys.ledger(account),
    accountKeys.appendSessions(account),
  ];
  return (['open', 'ended', 'lost'] as const)[Number(await finishScript.run(redis, keys, [id, now]))] ?? 'open';
}

/**
 * Mail of the run that was taken is lost. A download that has listed already takes it for known: the run does not end
 * before another one has listed.
 */
export async function noteLoss(redis: RedisClient, account: string, id: string): Promise<void> {
  await updateRun(redis, account, id, { lost: 1 });
}

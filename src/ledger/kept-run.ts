/** What is kept of a run when another follows: one entry of its account's list. */

const errorMaxBytes = 200;

/** The numbers that are kept, in the order of an entry; id, state, error and whether it was rewritten stand before them. */
export const keptNumbers = [
  'number',
  'startedAt',
  'finishedAt',
  'listed',
  'known',
  'accepted',
  'appended',
  'duplicate',
  'refused',
  'refusedBefore',
  'failed',
  'vanished',
  'bytesListed',
  'downloaded',
  'bytesAppended',
  'repaired',
] as const;

/**
 * Lua: `keepRun(run, list, most)` puts the run at the head of the list. Called where the next one takes its place, so
 * that each run stands there once, as it was at its very end: with what was accepted after it.
 */
export const luaKeepRun = `
  local function keepRun(key, list, most)
    local names = {${keptNumbers.map((name) => `'${name}'`).join(', ')}}
    local id, state, err, rewrites = unpack(redis.call('HMGET', key, 'id', 'state', 'error', 'rewritesAt'))
    local numbers = redis.call('HMGET', key, unpack(names))
    for i = 1, #names do numbers[i] = numbers[i] or '0' end
    local texts = { id, state or 'queued', string.sub(err or '', 1, ${errorMaxBytes}) }
    for i = 1, #texts do texts[i] = cjson.encode(texts[i]) end
    local rewritten = (rewrites or '') ~= '' and 1 or 0
    redis.call('LPUSH', list,
      '[' .. table.concat(texts, ',') .. ',' .. rewritten .. ',' .. table.concat(numbers, ',') .. ']')
    redis.call('LTRIM', list, 0, most - 1)
  end
`;

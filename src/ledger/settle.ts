/** Settling: the one way in which a message's end becomes known, counted and final. One script, so that it is whole. */
import { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { type LedgerRecord, type Outcome, packRecord } from './record.ts';
import { pageRecords } from './table.ts';

/** Lua: `append(prefix, meta, records)` appends packed records to the pages. A page is set whole, so that Redis gives it no spare room. */
export const luaAppend = `
  local function append(prefix, meta, records)
    local count = tonumber(redis.call('HGET', meta, 'records') or 0)
    local at = 1
    while at <= #records do
      local page = prefix .. math.floor(count / ${pageRecords})
      local room = (${pageRecords} - count % ${pageRecords}) * 32
      local part = string.sub(records, at, at + room - 1)
      redis.call('SET', page, (redis.call('GET', page) or '') .. part)
      count = count + #part / 32
      at = at + room
    end
    redis.call('HSET', meta, 'records', count)
  end
`;

// A message counts once: the bit of a settled one is set, and a script that ioredis sends again finds it set. Counts are
// summed up first: Redis writes each change to its file as a command of its own.
const settleScript = new Script(
  `${luaAppend}
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
  if redis.call('EXISTS', KEYS[2]) == 0 then return -2 end
  local records, counts, mailboxes = {}, {}, {}
  local function add(to, name, count) to[name] = (to[name] or 0) + count end
  local settled = 0
  local retried = redis.call('EXISTS', KEYS[12]) == 1
  for i = 5, #ARGV, 6 do
    local new = redis.call('SETBIT', KEYS[3], ARGV[i], 1) == 0
    if new then settled = settled + 1 end
    if new and ARGV[i + 1] ~= 'known' then
      records[#records + 1] = ARGV[i + 4]
      add(counts, ARGV[i + 1], 1)
      if ARGV[i + 1] == 'appended' then
        add(counts, 'bytesAppended', tonumber(ARGV[i + 2]))
        add(mailboxes, ARGV[i + 3], 1)
      end
      local key = string.sub(ARGV[i + 4], 1, 10)
      local outcome = ARGV[i + 1]
      local refusal = ARGV[i + 5]
      if retried then
        local tries = redis.call('HGET', KEYS[12], key)
        redis.call('HDEL', KEYS[12], key)
        if tries and outcome == 'refused' then refusal = string.sub(refusal, 1, -2) .. ',"triesBefore":' .. tries .. '}' end
      end
      local reasons = KEYS[outcome == 'refused' and 10 or outcome == 'accepted' and 11 or 13]
      if refusal ~= '' then redis.call('HSET', reasons, key, refusal) end
      if refusal ~= '' and outcome == 'appended' then add(counts, 'repaired', 1) end
    end
  end
  for name, count in pairs(counts) do redis.call('HINCRBY', KEYS[5], name, string.format('%.0f', count)) end
  for path, count in pairs(mailboxes) do redis.call('HINCRBY', KEYS[6], path, count) end
  if #records > 0 then append(KEYS[4] .. ':', KEYS[4], table.concat(records)) end
  if ARGV[4] ~= '' then redis.call('HDEL', KEYS[9], ARGV[4]) end
  local left = redis.call('HINCRBY', KEYS[2], 'left', 0 - settled)
  if left <= 0 then
    if redis.call('ZREM', KEYS[7], ARGV[2]) == 1 and redis.call('HINCRBY', KEYS[8], ARGV[3], -1) <= 0 then
      redis.call('HDEL', KEYS[8], ARGV[3])
    end
    redis.call('DEL', KEYS[2], KEYS[3])
  end
  return left
`,
  true,
);

/** The end of one message of a batch. */
export interface Settlement {
  /** Its place in the batch. */
  readonly index: number;
  /** `known` when the ledger has it already: it is neither recorded nor counted again. */
  readonly outcome: Outcome | 'known';
  readonly record: LedgerRecord;
  /** Path of the mailbox it went to; empty for none. */
  readonly mailbox: string;
  /** Why it was refused, or that and who accepted it, or what it was repaired to, as JSON text; empty otherwise. */
  readonly refusal: string;
}

/** Which batch of which account is settled, and by whom. */
export interface SettleScope {
  readonly account: string;
  readonly spool: string;
  readonly batch: string;
  /** The append fence. */
  readonly token: string;
  /** The APPEND command whose intent ends with this; empty for none. */
  readonly command: string;
}

/**
 * Writes the ends of messages into the ledger and the counts of the run. Returns how many messages of the batch are
 * left; at 0 the batch has left the registry and its file may go. Throws `lease-lost` when the fence is another's.
 */
export async function settle(
  redis: RedisClient,
  scope: SettleScope,
  settlements: readonly Settlement[],
): Promise<number> {
  const { account, batch, spool } = scope;
  const keys = [
    accountKeys.fence(account),
    accountKeys.batch(account, batch),
    accountKeys.batchDone(account, batch),
    accountKeys.ledger(account),
    accountKeys.run(account),
    accountKeys.runMailboxes(account),
    accountKeys.batches(account, spool),
    accountKeys.spools(account),
    accountKeys.intents(account),
    accountKeys.refusals(account),
    accountKeys.acceptances(account),
    accountKeys.triedBefore(account),
    accountKeys.repairs(account),
  ];
  const args: (string | number | Buffer)[] = [scope.token, batch, spool, scope.command];
  for (const { index, outcome, record, mailbox, refusal } of settlements) {
    args.push(index, outcome, record.size, mailbox, packRecord(record), refusal);
  }
  const left = Number(await settleScript.run(redis, keys, args));
  if (left === -1) throw new MailhaulError('lease-lost', { what: 'the destination of this account' });
  return Math.max(0, left);
}

const recordScript = new Script(`${luaAppend}
  append(KEYS[1] .. ':', KEYS[1], ARGV[1])
  redis.call('HINCRBY', KEYS[2], ARGV[2], ARGV[3])
  return 1
`);

/** Writes ends that need no destination: mail that vanished at the source. All have one outcome. */
export async function recordEnds(redis: RedisClient, account: string, records: readonly LedgerRecord[]): Promise<void> {
  if (records.length === 0) return;
  const packed = Buffer.concat(records.map(packRecord));
  const keys = [accountKeys.ledger(account), accountKeys.run(account)];
  await recordScript.run(redis, keys, [packed, records[0]!.outcome, records.length]);
}

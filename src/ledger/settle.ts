/** Settling: the one way in which a message's end becomes known, counted and final. One script, so that it is whole. */
import { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { type LedgerRecord, type Outcome, outcomes, packRecords } from './record.ts';
import { pageRecords } from './table.ts';

/** What a settlement tells the script besides its record: index 4 bytes, size 8, outcome 1, places of mailbox and refusal 4 each. */
const factFormat = '>I4dBI4I4';
const factBytes = 21;
/** The first ARGV that is a text. */
const textsFrom = 7;

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

// A message counts once: the bit of a settled one is set, and a script that ioredis sends again finds it set. Bits and counts
// are gathered first: Redis writes each change to its file as a command of its own.
const settleScript = new Script(
  `${luaAppend}
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
  if redis.call('EXISTS', KEYS[2]) == 0 then return -2 end
  local outcomes = {[0] = 'known', ${outcomes.map((outcome) => `'${outcome}'`).join(', ')}}
  local facts, all = ARGV[5], ARGV[6]
  local bits = {string.byte(redis.call('GET', KEYS[3]) or '', 1, -1)}
  local records, counts, mailboxes = {}, {}, {}
  local function add(to, name, count) to[name] = (to[name] or 0) + count end
  local settled = 0
  local retried = redis.call('EXISTS', KEYS[12]) == 1
  for n = 0, #facts / ${factBytes} - 1 do
    local index, size, place, mailbox, refusal = struct.unpack('${factFormat}', facts, n * ${factBytes} + 1)
    local outcome = outcomes[place]
    local byte, mask = math.floor(index / 8) + 1, bit.rshift(128, index % 8)
    local new = bit.band(bits[byte] or 0, mask) == 0
    if new then
      for gap = #bits + 1, byte do bits[gap] = 0 end
      bits[byte] = bits[byte] + mask
      settled = settled + 1
    end
    if new and outcome ~= 'known' then
      local record = string.sub(all, n * 32 + 1, n * 32 + 32)
      records[#records + 1] = record
      add(counts, outcome, 1)
      if outcome == 'appended' then
        add(counts, 'bytesAppended', size)
        add(mailboxes, ARGV[mailbox], 1)
      end
      local text = refusal > 0 and ARGV[refusal] or ''
      if retried or text ~= '' then
        local key = string.sub(record, 1, 10)
        local tries = retried and redis.call('HGET', KEYS[12], key)
        if tries then redis.call('HDEL', KEYS[12], key) end
        if tries and outcome == 'refused' then text = string.sub(text, 1, -2) .. ',"triesBefore":' .. tries .. '}' end
        local reasons = KEYS[outcome == 'refused' and 10 or outcome == 'accepted' and 11 or 13]
        if text ~= '' then redis.call('HSET', reasons, key, text) end
        if text ~= '' and outcome == 'appended' then add(counts, 'repaired', 1) end
      end
    end
  end
  for name, count in pairs(counts) do redis.call('HINCRBY', KEYS[5], name, string.format('%.0f', count)) end
  for path, count in pairs(mailboxes) do redis.call('HINCRBY', KEYS[6], path, count) end
  if #records > 0 then append(KEYS[4] .. ':', KEYS[4], table.concat(records)) end
  if ARGV[4] ~= '' then redis.call('HDEL', KEYS[9], ARGV[4]) end
  local left = tonumber(redis.call('HGET', KEYS[2], 'left') or 0) - settled
  if left <= 0 then
    if redis.call('ZREM', KEYS[7], ARGV[2]) == 1 and redis.call('HINCRBY', KEYS[8], ARGV[3], -1) <= 0 then
      redis.call('HDEL', KEYS[8], ARGV[3])
    end
    redis.call('DEL', KEYS[2], KEYS[3])
  elseif settled > 0 then
    redis.call('HSET', KEYS[2], 'left', left)
    redis.call('SET', KEYS[3], string.char(unpack(bits)))
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
  const args = [scope.token, batch, spool, scope.command, ...packed(settlements)];
  const left = Number(await settleScript.run(redis, keys, args));
  if (left === -1) throw new MailhaulError('lease-lost', { what: 'the destination of this account' });
  return Math.max(0, left);
}

/** What the script is told of each: facts and records, packed, and behind them the texts that the facts name by their places. */
function packed(settlements: readonly Settlement[]): (string | Buffer)[] {
  const facts = Buffer.alloc(settlements.length * factBytes);
  const texts: string[] = [];
  const placeOf = (text: string) => textsFrom + texts.push(text) - 1;
  const mailboxes = new Map<string, number>();
  for (const [i, { index, outcome, record, mailbox, refusal }] of settlements.entries()) {
    const place = mailboxes.get(mailbox) ?? placeOf(mailbox);
    mailboxes.set(mailbox, place);
    let at = facts.writeUInt32BE(index, i * factBytes);
    // Not that of the record, which has no more than four bytes for it.
    at = facts.writeDoubleBE(record.size, at);
    at = facts.writeUInt8(outcome === 'known' ? 0 : outcomes.indexOf(outcome) + 1, at);
    at = facts.writeUInt32BE(place, at);
    facts.writeUInt32BE(refusal === '' ? 0 : placeOf(refusal), at);
  }
  return [facts, packRecords(settlements.map(({ record }) => record)), ...texts];
}

const recordScript = new Script(`${luaAppend}
  append(KEYS[1] .. ':', KEYS[1], ARGV[1])
  redis.call('HINCRBY', KEYS[2], ARGV[2], ARGV[3])
  return 1
`);

/** Writes ends that need no destination: mail that vanished at the source. All have one outcome. */
export async function recordEnds(redis: RedisClient, account: string, records: readonly LedgerRecord[]): Promise<void> {
  if (records.length === 0) return;
  const keys = [accountKeys.ledger(account), accountKeys.run(account)];
  await recordScript.run(redis, keys, [packRecords(records), records[0]!.outcome, records.length]);
}

/**
 * What becomes of refused messages when a person decides: accepted, they may stay behind and count as known; reopened,
 * they are fetched and tried again by the next run.
 */
import { accountKeys, globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { type LedgerRecord, packRecord } from './record.ts';
import { type Refusal, withAllTries } from './registry.ts';
import { readRun } from './run.ts';
import { luaAppend } from './settle.ts';
import { LedgerTable } from './table.ts';

/** Messages that one script decides on: it holds Redis up for a moment only. */
const atOnce = 500;

/** Who accepted messages, and why. */
export interface Acceptance {
  readonly by: string;
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

// The counts of a run that has ended are mended with the ledger. Those of one that goes on are not: its sessions hold
// numbers that they read before, and the next listing, or the next run, counts anew.
const decideScript = new Script(`${luaAppend}
  local function tries(json)
    local ok, refusal = pcall(cjson.decode, json)
    if not ok then return 1 end
    return (refusal.tries or 1) + (refusal.triesBefore or 0)
  end
  local id, ended = unpack(redis.call('HMGET', KEYS[3], 'id', 'finishedAt'))
  local mend = ended and id == ARGV[1]
  local records = {}
  local moved = { refused = 0, refusedBefore = 0 }
  for i = 4, #ARGV, 3 do
    local json = redis.call('HGET', KEYS[2], ARGV[i + 1])
    if json then
      redis.call('HDEL', KEYS[2], ARGV[i + 1])
      records[#records + 1] = ARGV[i]
      moved[ARGV[i + 2]] = moved[ARGV[i + 2]] + 1
      if ARGV[2] ~= '' then redis.call('HSET', KEYS[4], ARGV[i + 1], ARGV[2] .. json .. '}')
      else redis.call('HSET', KEYS[5], ARGV[i + 1], string.format('%d', tries(json))) end
    end
  end
  if #records == 0 then return 0 end
  append(KEYS[1] .. ':', KEYS[1], table.concat(records))
  if not mend then return #records end
  for name, count in pairs(moved) do redis.call('HINCRBY', KEYS[3], name, 0 - count) end
  redis.call('HINCRBY', KEYS[1], 'total:refused', moved.refused)
  if ARGV[3] ~= '' then redis.call('HINCRBY', KEYS[3], ARGV[3], #records) end
  local function n(name) return tonumber(redis.call('HGET', KEYS[3], name) or 0) end
  local open = n('listed') - n('known') - n('accepted') - n('appended') - n('duplicate') - n('vanished')
  if open <= 0 and redis.call('HGET', KEYS[3], 'state') == 'incomplete' then
    redis.call('HSET', KEYS[3], 'state', 'complete')
  end
  return #records
`);

/** What is kept of a message that was accepted: `refusal` is the JSON text of why it did not arrive. */
export function acceptedJson(acceptance: Acceptance, refusal: string): string {
  return `${acceptedHead(acceptance)}${refusal}}`;
}

function acceptedHead(acceptance: Acceptance): string {
  return `{"acceptance":${JSON.stringify(acceptance)},"refusal":`;
}

/** How many messages of an account are refused and not accepted. */
export async function countRefused(redis: RedisClient, account: string): Promise<number> {
  return redis.hlen(accountKeys.refusals(account));
}

/** Signs off all refused messages of an account (design §4). Returns how many there were. */
export async function acceptRefused(redis: RedisClient, account: string, acceptance: Acceptance): Promise<number> {
  const head = acceptedHead(acceptance);
  return decide(redis, account, (record) => ({ ...record, outcome: 'accepted' }), head, 'known');
}

/** Makes all refused messages of an account pending again; their tries go on counting. Returns how many there were. */
export async function reopenRefused(redis: RedisClient, account: string): Promise<number> {
  // What vanished and is listed again is there again: so a listing sees it as new, and verify as not delivered yet.
  return decide(redis, account, (record) => ({ ...record, outcome: 'vanished' }), '', '');
}

async function decide(
  redis: RedisClient,
  account: string,
  change: (record: LedgerRecord) => LedgerRecord,
  head: string,
  countAs: 'known' | '',
): Promise<number> {
  const refused = await redis.hkeysBuffer(accountKeys.refusals(account));
  if (refused.length === 0) return 0;
  const [ledger, run] = await Promise.all([LedgerTable.load(redis, account), readRun(redis, account)]);
  const keys = [
    accountKeys.ledger(account),
    accountKeys.refusals(account),
    accountKeys.run(account),
    accountKeys.acceptances(account),
    accountKeys.triedBefore(account),
  ];
  let decided = 0;
  for (let at = 0; at < refused.length; at += atOnce) {
    const args = refused.slice(at, at + atOnce).flatMap((key) => {
      const record = ledger.get(key);
      if (record?.outcome !== 'refused') return [];
      return [packRecord(change(record)), key, record.run === run?.number ? 'refused' : 'refusedBefore'];
    });
    decided += Number(await decideScript.run(redis, keys, [run?.id ?? '', head, countAs, ...args]));
  }
  // What people see of the account has changed.
  if (decided > 0) await redis.publish(globalKeys.bell, account);
  return decided;
}

/** One message that was accepted. */
export interface AcceptedMessage {
  readonly acceptance: Acceptance;
  /** With all that was known of the message. */
  readonly refusal: Partial<Refusal> & { readonly code: string; readonly text: string };
}

/** Everything that was accepted of an account: who, when, why, and what the refusal was. */
export async function readAcceptances(redis: RedisClient, account: string): Promise<AcceptedMessage[]> {
  return (await redis.hvals(accountKeys.acceptances(account))).map((json) => {
    const { acceptance, refusal } = JSON.parse(json) as AcceptedMessage;
    return { acceptance, refusal: withAllTries(refusal) };
  });
}

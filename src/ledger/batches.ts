/** The batches that wait to be appended, as Redis knows them: which, in what order, and which of their messages are left. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { noteOwed } from './owed.ts';
import { keyBytes } from './record.ts';

const forgetScript = new Script(`
  if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
  if redis.call('HINCRBY', KEYS[2], ARGV[2], -1) <= 0 then redis.call('HDEL', KEYS[2], ARGV[2]) end
  redis.call('DEL', KEYS[3], KEYS[4])
  return 1
`);

/** The batches of one account in one spool, in the order in which they were registered. */
export async function registeredBatches(redis: RedisClient, account: string, spool: string): Promise<string[]> {
  return redis.zrange(accountKeys.batches(account, spool), '0', '-1');
}

/** What Redis knows of a batch that is to be carried. */
export interface BatchState {
  /** True when the batch was adopted and the ledger must be asked which of its messages are settled. */
  readonly adopted: boolean;
  /** Which of its messages are settled (`isDone`); null for none. */
  readonly done: Buffer | null;
}

const waitingScript = new Script(`
  local names = redis.call('ZRANGE', KEYS[1], 0, -1)
  local passed, states = {}, {}
  for i = 3, #ARGV do passed[ARGV[i]] = true end
  for _, name in ipairs(names) do
    if #states == 3 * ARGV[2] then break end
    if not passed[name] then
      states[#states + 1] = name
      states[#states + 1] = redis.call('HGET', ARGV[1] .. name, 'adopted')
      states[#states + 1] = redis.call('GET', ARGV[1] .. name .. ':done')
    end
  end
  return {names, states}
`);

/**
 * The batches of one account in one spool, in the order in which they were registered, and the states of the first `most`
 * of them that are not among those `passed`: in one command, since it is asked for every few batches.
 */
export async function waitingBatches(
  redis: RedisClient,
  account: string,
  spool: string,
  passed: readonly string[],
  most: number,
): Promise<{ names: string[]; states: Map<string, BatchState> }> {
  const args = [accountKeys.batch(account, ''), most, ...passed];
  const reply = await waitingScript.runBuffer(redis, [accountKeys.batches(account, spool)], args);
  const [names, flat] = reply as [Buffer[], (Buffer | null)[]];
  const states = new Map<string, BatchState>();
  for (let i = 0; i < flat.length; i += 3) {
    states.set(String(flat[i]), { adopted: String(flat[i + 1]) === '1', done: flat[i + 2] ?? null });
  }
  return { names: names.map(String), states };
}

/** Takes a batch out whose file is damaged or gone: its messages become unfetched again, and are owed until listed. */
export async function forgetBatch(redis: RedisClient, account: string, spool: string, batch: string): Promise<void> {
  await noteOwed(redis, account, await keysLeft(redis, account, batch), 'spool-lost');
  await forget(redis, account, spool, batch);
}

async function forget(redis: RedisClient, account: string, spool: string, batch: string): Promise<void> {
  await forgetScript.run(
    redis,
    [
      accountKeys.batches(account, spool),
      accountKeys.spools(account),
      accountKeys.batch(account, batch),
      accountKeys.batchDone(account, batch),
    ],
    [batch, spool],
  );
}

/** Takes a batch of probes out: what they did not prove is fetched. */
export async function dropProbes(redis: RedisClient, account: string, spool: string, batch: string): Promise<void> {
  await forget(redis, account, spool, batch);
}

/** True while probes of an account wait for their answers in any spool. */
export async function probesWait(redis: RedisClient, account: string): Promise<boolean> {
  for (const spool of await spoolsWithBatches(redis, account)) {
    for (const batch of await registeredBatches(redis, account, spool)) {
      if ((await redis.hget(accountKeys.batch(account, batch), 'kind')) === 'probes') return true;
    }
  }
  return false;
}

/** Takes all batches of an account out of a spool that is gone. Returns how many there were. */
export async function forgetSpool(redis: RedisClient, account: string, spool: string): Promise<number> {
  const batches = await registeredBatches(redis, account, spool);
  for (const batch of batches) await forgetBatch(redis, account, spool, batch);
  await redis.hdel(accountKeys.appendSessions(account), spool);
  return batches.length;
}

/** The spools that hold batches of an account. */
export async function spoolsWithBatches(redis: RedisClient, account: string): Promise<string[]> {
  return redis.hkeys(accountKeys.spools(account));
}

/** Keys (hexadecimal) of all messages of an account that wait in any spool. */
export async function spooledKeys(redis: RedisClient, account: string): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const spool of await spoolsWithBatches(redis, account)) {
    for (const batch of await registeredBatches(redis, account, spool)) {
      for (const key of await keysLeft(redis, account, batch)) keys.add(key);
    }
  }
  return keys;
}

/** Keys (hexadecimal) of the messages of a batch that are not settled. */
async function keysLeft(redis: RedisClient, account: string, batch: string): Promise<string[]> {
  const [packed, done] = await Promise.all([
    redis.hgetBuffer(accountKeys.batch(account, batch), 'keys'),
    redis.getBuffer(accountKeys.batchDone(account, batch)),
  ]);
  const keys: string[] = [];
  for (let i = 0; packed && i * keyBytes < packed.length; i += 1) {
    if (!isDone(done, i)) keys.push(packed.toString('hex', i * keyBytes, (i + 1) * keyBytes));
  }
  return keys;
}

/** Reads bit `index` of a bit string as SETBIT writes it. */
export function isDone(bits: Buffer | null, index: number): boolean {
  return ((bits?.[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
}

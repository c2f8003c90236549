/**
 * Which batches wait to be appended: a sorted set for each account and spool. A batch is registered when its file is
 * durable and leaves the set when all its messages are settled (the ledger's settle script does that).
 */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import type { Manifest } from './batch-file.ts';

/** Bytes of a message key. */
const keyBytes = 10;

// Registering twice does nothing: ioredis may send a command again after a reconnect.
const registerScript = new Script(`
  if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
  local order = redis.call('HINCRBY', KEYS[4], 'batches', 1)
  redis.call('ZADD', KEYS[1], order, ARGV[1])
  redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
  redis.call('HSET', KEYS[3], 'spool', ARGV[2], 'bytes', ARGV[3], 'left', ARGV[4], 'keys', ARGV[5], 'adopted', ARGV[6])
  redis.call('HINCRBY', KEYS[5], 'downloaded', ARGV[7])
  return 1
`);

const forgetScript = new Script(`
  if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
  if redis.call('HINCRBY', KEYS[2], ARGV[2], -1) <= 0 then redis.call('HDEL', KEYS[2], ARGV[2]) end
  redis.call('DEL', KEYS[3], KEYS[4])
  return 1
`);

/**
 * Hands a batch over. `adopted` marks one that was found in the directory and not in Redis, some of whose messages may
 * be settled already; its bytes were not downloaded in this run. Returns false when it was registered before.
 */
export async function registerBatch(
  redis: RedisClient,
  spool: string,
  manifest: Manifest,
  adopted = false,
): Promise<boolean> {
  const { account, batch, messages } = manifest;
  const keys = Buffer.from(messages.map((message) => message.key).join(''), 'hex');
  const reply = await registerScript.run(
    redis,
    [
      accountKeys.batches(account, spool),
      accountKeys.spools(account),
      accountKeys.batch(account, batch),
      accountKeys.ledger(account),
      accountKeys.run(account),
    ],
    [batch, spool, manifest.bytes, messages.length, keys, adopted ? 1 : 0, adopted ? 0 : manifest.bytes],
  );
  return reply === 1;
}

/** The batches of one account in one spool, in the order in which they were registered. */
export async function registeredBatches(redis: RedisClient, account: string, spool: string): Promise<string[]> {
  return redis.zrange(accountKeys.batches(account, spool), '0', '-1');
}

/** Takes a batch out whose file is damaged or gone: its messages become unfetched again. */
export async function forgetBatch(redis: RedisClient, account: string, spool: string, batch: string): Promise<void> {
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

/** True when the batch was adopted and the ledger must be asked which of its messages are settled. */
export async function wasAdopted(redis: RedisClient, account: string, batch: string): Promise<boolean> {
  return (await redis.hget(accountKeys.batch(account, batch), 'adopted')) === '1';
}

/** The spools that hold batches of an account. */
export async function spoolsOf(redis: RedisClient, account: string): Promise<string[]> {
  return redis.hkeys(accountKeys.spools(account));
}

/** Keys (hexadecimal) of all messages of an account that wait in any spool. */
export async function spooledKeys(redis: RedisClient, account: string): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const spool of await spoolsOf(redis, account)) {
    for (const batch of await registeredBatches(redis, account, spool)) {
      const [packed, done] = await Promise.all([
        redis.hgetBuffer(accountKeys.batch(account, batch), 'keys'),
        redis.getBuffer(accountKeys.batchDone(account, batch)),
      ]);
      for (let i = 0; packed && i * keyBytes < packed.length; i += 1) {
        if (!isDone(done, i)) keys.add(packed.toString('hex', i * keyBytes, (i + 1) * keyBytes));
      }
    }
  }
  return keys;
}

/** Reads bit `index` of a bit string as SETBIT writes it. */
export function isDone(bits: Buffer | null, index: number): boolean {
  return ((bits?.[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
}

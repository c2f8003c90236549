/**
 * Registering batches: a sorted set for each account and spool. A batch enters it when its file is whole and leaves
 * it when all its messages are settled (the ledger's settle script does that).
 */
import { MailhaulError } from '../ground/errors.ts';
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import type { Manifest, SpooledMessage } from './batch-file.ts';

// Registering twice does nothing: ioredis may send a command again after a reconnect. A command that the network kept
// back while another session took the same mail must not hand it over a second time.
const registerScript = new Script(`
  if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
  if ARGV[9] ~= '' and redis.call('HGET', KEYS[5], 'taker') ~= ARGV[9] then return -1 end
  local order = redis.call('HINCRBY', KEYS[4], 'batches', 1)
  redis.call('ZADD', KEYS[1], order, ARGV[1])
  redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
  redis.call('HSET', KEYS[3], 'spool', ARGV[2], 'bytes', ARGV[3], 'left', ARGV[4], 'keys', ARGV[5], 'adopted', ARGV[6], 'kind', ARGV[8])
  redis.call('HINCRBY', KEYS[5], 'downloaded', ARGV[7])
  return 1
`);

/** What of a batch's manifest is registered. */
export interface NewBatch extends Pick<Manifest, 'account' | 'batch' | 'kind' | 'bytes'> {
  readonly messages: readonly Pick<SpooledMessage, 'key'>[];
}

/**
 * Hands a batch over. `adopted` marks one that was found in the directory and not in Redis, some of whose messages may
 * be settled already; its bytes were not downloaded in this run. `taker` is the token of the download session that hands
 * it over. Returns false when it was registered before. Throws `lease-lost` when another session has begun since.
 */
export async function registerBatch(
  redis: RedisClient,
  spool: string,
  manifest: Manifest | NewBatch,
  adopted = false,
  taker = '',
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
    [
      ...[batch, spool, manifest.bytes, messages.length, keys, adopted ? 1 : 0],
      ...[adopted ? 0 : manifest.bytes, manifest.kind, taker],
    ],
  );
  if (reply === -1) throw new MailhaulError('lease-lost', { what: 'this login' });
  return reply === 1;
}

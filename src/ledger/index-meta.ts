/** What is known of the index of a mailbox as a whole. */
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';

/** The hash of an index. */
export interface IndexMeta {
  uidValidity: number;
  /** Everything below it is indexed. */
  uidNext: number;
  shards: number;
  generation: number;
  records: number;
}

/** Reads it; that of an empty index where there is none. */
export async function readIndexMeta(redis: RedisClient, key: string): Promise<IndexMeta> {
  const hash = await redis.hgetall(key);
  const number = (name: keyof IndexMeta, otherwise: number) => Number(hash[name] ?? otherwise);
  return {
    uidValidity: number('uidValidity', 0),
    uidNext: number('uidNext', 1),
    shards: number('shards', 0),
    generation: number('generation', 0),
    records: number('records', 0),
  };
}

/** Writes the hash (KEYS 2; ARGV 2 to 11) and shards (KEYS and ARGV behind them), if the lease (KEYS 1) is that of ARGV 1. */
export const saveIndexScript = new Script(
  `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[2], unpack(ARGV, 2, 11))
  for i = 3, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 9]) end
  return 1
`,
  true,
);

/** What is known of the index of a mailbox as a whole. */
import type { RedisClient } from '../ground/redis.ts';

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
